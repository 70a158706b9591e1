"""OMERO's stateless services, as far as they are modelled; each method is one operation."""
