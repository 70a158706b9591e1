"""Folders that import themselves: what is new and settled, whose it is, where it goes, and what became of it."""
