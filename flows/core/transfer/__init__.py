"""Brings a fileset's bytes to where the import reads them; the source is never written to and never deleted."""

from flows.core.transfer.area import check_room, clear_fileset, clear_run, runs_with_copies
from flows.core.transfer.stage import is_afar, transfer_fileset

__all__ = ["check_room", "clear_fileset", "clear_run", "is_afar", "runs_with_copies", "transfer_fileset"]
