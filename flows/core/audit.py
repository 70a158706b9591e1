"""The audit trail: who asked for what, from where and as whom, appended to a file, never changed, without secrets."""

import os
from datetime import datetime
from pathlib import Path

from flows.core.requests import Frozen


class AuditEntry(Frozen):
    """One thing that somebody asked for and that was accepted."""

    when: datetime
    action: str
    """For example `import` or `cancel`."""
    who: str
    """`user:alice`, or `token:microscope-3`."""
    address: str
    """Where the request came from."""
    server: str
    as_whom: str
    """The OMERO login name that it is done for."""
    import_id: str | None = None
    target: str | None = None
    group: str | None = None
    sources: tuple[str, ...] = ()


class AuditTrail:
    """Appends entries as JSON lines, for one process among several that share the file."""

    def __init__(self, file: Path | None) -> None:
        """Keep the trail in `file`; None keeps none.

        Raises:
            OSError: it cannot be written.
        """
        self._file = file
        self._append(b"")

    def write(self, entry: AuditEntry) -> None:
        """Append an entry.

        Raises:
            OSError: the file cannot be written any more.
        """
        self._append(entry.model_dump_json(exclude_none=True).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        if self._file is None:
            return
        # Opened for each entry, so that the file may be rotated; one write, so that lines of several processes
        # do not mix.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
