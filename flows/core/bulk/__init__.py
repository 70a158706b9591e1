"""OMERO's bulk-import files (`omero import --bulk`): read, and turned into a request of ours, with all that differs."""

from flows.core.bulk.translate import BulkRequest, translate

__all__ = ["BulkRequest", "translate"]
