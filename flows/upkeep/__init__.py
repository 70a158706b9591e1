"""What housekeeping looks after: one noun per module, each a few functions over a Prefect client and the settings."""
