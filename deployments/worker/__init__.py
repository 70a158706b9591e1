"""The worker: Prefect's process worker, kept gentle to its machine, and stopped without losing anything."""
