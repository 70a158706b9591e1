"""What runs: the flows, their tasks, and the core that does the work."""
