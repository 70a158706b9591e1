"""OMERO's own importer, a Java program, as a second importer: `omero import`, started here and nowhere else."""

from flows.core.omero_client.java_importer.begun import BegunJavaImport, begin_java_import, opens_with_java
from flows.core.omero_client.java_importer.installation import check_wanted, find_java

__all__ = ["BegunJavaImport", "begin_java_import", "check_wanted", "find_java", "opens_with_java"]
