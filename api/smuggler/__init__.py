"""OME Smuggler's HTTP interface, as its clients use it: a translation to the courier's own imports, and no more."""
