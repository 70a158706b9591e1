"""What is said of each fileset and where it goes: from the request, and from a table with a row per file."""
