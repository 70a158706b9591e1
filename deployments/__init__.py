"""Ways to run the courier."""
