"""What `make bench` runs: figures against peers in the same run. Nothing here is collected as a test."""
