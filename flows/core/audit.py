"""The audit trail: who asked for what, from where and as whom, and what was done: appended to a file, never changed."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from flows.core.requests import Frozen
from flows.core.settings import Audit

log = logging.getLogger(__name__)


class AuditEntry(Frozen):
    """One thing that somebody asked for and that was accepted, or that an import did. Holds no secret."""

    when: datetime
    action: str
    """`import` or `cancel`, say, when it was asked for; `imported`, `skipped` or `deleted` when it was done in OMERO,
    and `moved-files` or `deleted-files` when it was done on disk."""
    who: str | None = None
    """`user:alice`, `token:microscope-3`, `sweep:confocal`, or `prefect` for who used its UI or command line, whom it
    does not name; None: the courier, for the import of `import_id`."""
    address: str | None = None
    """Where the request came from."""
    server: str
    as_whom: str = ""
    """The OMERO login name that it is done for; nothing for what concerns all users of a watched folder."""
    sweep: str | None = None
    """The watched folder that it is about, by the name of its sweep."""
    import_id: str | None = None
    target: str | None = None
    group: str | None = None
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    """Where files on disk were moved to, in the order of `sources`."""
    images: tuple[int, ...] = ()
    """Their ids in OMERO."""
    filesets: tuple[int, ...] = ()
    """The ids of those that were deleted in OMERO."""


class AuditTrail:
    """Appends entries as JSON lines, for any number of processes that share the file.

    When the file is full it is renamed after the moment, as in `audit.20261123T101500.000000Z.jsonl`, and a new one
    is begun. Files whose latest entry is older than the settings allow are removed then.
    """

    def __init__(self, settings: Audit) -> None:
        """Keep the trail as the settings say; it is kept nowhere where they name no file.

        Raises:
            OSError: it cannot be written.
        """
        self._file = settings.file
        self._max_bytes = settings.max_bytes
        self._keep = timedelta(days=settings.keep_days)
        if self._file is not None:
            with _locked(self._file):
                self._forget()
                _append(self._file, b"")

    def write(self, entry: AuditEntry) -> None:
        """Append an entry.

        Raises:
            OSError: the file cannot be written any more.
        """
        if self._file is None:
            return
        fields = entry.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        # A name that is no UTF-8 holds lone surrogates: they are written as JSON escapes them.
        line = text.encode("utf-8", "backslashreplace") + b"\n"
        with _locked(self._file):
            if self._is_full(len(line)):
                self._rotate()
            _append(self._file, line)

    def _is_full(self, more: int) -> bool:
        assert self._file is not None, "looked at by who calls this"
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:  # who administers this machine moved it away
            return False
        return size > 0 and size + more > self._max_bytes

    def _rotate(self) -> None:
        assert self._file is not None, "looked at by who calls this"
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z"
        self._file.rename(self._file.with_name(f"{self._file.stem}.{moment}{self._file.suffix}"))
        self._forget()

    def _forget(self) -> None:
        assert self._file is not None, "looked at by who calls this"
        oldest = (datetime.now(UTC) - self._keep).timestamp()
        for earlier in self._file.parent.glob(f"{self._file.stem}.*Z{self._file.suffix}"):
            if earlier.stat().st_mtime < oldest:
                earlier.unlink()


def note(settings: Audit, entry: AuditEntry) -> None:
    """Append an entry about something that was done already: it is not undone because it cannot be noted."""
    try:
        _trail(settings).write(entry)
    except OSError as error:
        log.error(
            "The audit trail cannot be written: %s. Lost: %s", error, entry.model_dump_json(exclude_defaults=True)
        )


@cache
def _trail(settings: Audit) -> AuditTrail:
    """Return the one of this process: to look for files that are too old costs more than to write a line."""
    return AuditTrail(settings)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep other processes and threads out while the file is looked at and written. The lock file stays."""
    descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _append(file: Path, line: bytes) -> None:
    """Append a line; whoever was killed, or ran out of disk, in the middle of theirs spoils only that one."""
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if line and end and os.pread(descriptor, 1, end - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)
