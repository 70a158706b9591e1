"""What is done with files once their import is over: moved aside or deleted, and nothing unconfirmed."""
