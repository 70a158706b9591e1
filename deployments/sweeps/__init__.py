"""Sweep definitions at hand: commands that look at them, examples, and their schema for editors."""
