"""The whole courier on one machine, with an OMERO stand-in and images made up."""
