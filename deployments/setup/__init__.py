"""Sets a clone up: run by whatever `python3` there is, so the standard library only and no new syntax."""
