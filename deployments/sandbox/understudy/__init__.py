"""The Understudy: an Ice server that stands in for OMERO in the sandbox and in tests. It is not OMERO."""
