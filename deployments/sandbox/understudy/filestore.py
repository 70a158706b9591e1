"""RawFileStore: reading and writing one file of the server; hashed when it is closed, not while it is written."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import omero
from omero.rtypes import rlong

from deployments.sandbox.understudy.access import Right
from deployments.sandbox.understudy.checksums import checksum
from deployments.sandbox.understudy.house import Call, House, SessionService
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.saving import Saver
from deployments.sandbox.understudy.sessions import Session

READ_LIMIT = 64_000_000
"""Bytes in one read; OMERO gives no more either (B: RawFileStoreI)."""
_WRITE = 256 * 1024
"""Bytes written to disk at once. Matters on virtual machines that give free memory back (docs/bench.md)."""
NOT_REENTRANT = (
    "Hibernate session is not re-entrant.\n"
    "Either you have two threads operating on the same stateful object (don't do this)\n"
    " or you have a recursive call (recurse on the unwrapped object). "
)


def repository_path(house: House, row: Row) -> Path:
    """Where the bytes of an OriginalFile are."""
    if row.get("repo"):
        return house.options.data / "ManagedRepository" / str(row.get("path")) / str(row.get("name"))
    return house.options.data / "Files" / str(row.id)


class FileStore(SessionService):
    """One open file; OMERO allows one call at a time on it."""

    def __init__(self, house: House, session: Session, name: str, *, writable: bool = True) -> None:
        super().__init__(house, session)
        self._name = name
        self._writable = writable
        self._file: Ref | None = None
        self._path: Path | None = None
        self._descriptor: int | None = None
        self._modified = False
        self._calls_at_once = 0
        self._lock = threading.Lock()
        self.offset = 0
        """The end of the last write."""
        self.closed = False

    def use(self, file: Row) -> None:
        """Work on this file; the caller's right to it was checked."""
        self._file, self._path = file.ref, repository_path(self.house, file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            self._calls_at_once += 1
            at_once = self._calls_at_once
        self.house.faults.store_called(at_once)
        try:
            if at_once > 1 and self.house.faults.strict_stores:
                raise refusal(omero.InternalException, NOT_REENTRANT)
            if self.closed:
                raise refusal(omero.RemovedSessionException, "The session of this file has ended.")
            yield
        finally:
            with self._lock:
                self._calls_at_once -= 1
                if self.closed:
                    self._let_go()

    def _open(self) -> int:
        if self._path is None:
            raise refusal(omero.ApiUsageException, "No OriginalFile was set: call setFileId first.")
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT if self._writable else os.O_RDONLY
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._path, flags, 0o644)
            except OSError as error:
                raise refusal(omero.ResourceError, f"Cannot open {self._path.name}: {error.strerror}") from error
        return self._descriptor

    def setFileId(self, file_id: int, current: Any) -> None:  # noqa: N802
        """Choose the file; it must be readable, and writing needs the right to."""
        call = self.call(current)
        row = self.house.database.get(Ref("OriginalFile", file_id))
        if row is None or not call.access.readable(row):
            raise refusal(omero.ValidationException, f"No row with the given identifier exists: OriginalFile#{file_id}")
        self._writable = call.access.allows(row, Right.WRITE) and not row.get("repo")
        self.use(row)

    def getFileId(self, _current: Any) -> Any:  # noqa: N802
        """The OriginalFile's id."""
        return rlong(self._file.id) if self._file else None

    def write(self, data: bytes, position: int, length: int, _current: Any) -> None:
        """Put bytes at a position; sparse files and repeated writes are fine."""
        with self._alone():
            if not self._writable:
                raise refusal(omero.SecurityViolation, "The file was opened for reading.")
            time.sleep(self.house.faults.latency_write)
            self._write_all(self._open(), memoryview(data)[:length], position)
            self.offset = position + length
            self._modified = True
            self.house.faults.written(length)

    def _write_all(self, descriptor: int, data: memoryview, position: int) -> None:
        try:
            if self.house.faults.disk_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            while data:
                written = os.pwrite(descriptor, data[:_WRITE], position)
                data, position = data[written:], position + written
        except OSError as error:
            raise refusal(omero.ResourceError, f"Cannot write: {error.strerror}") from error

    def read(self, position: int, length: int, _current: Any) -> Any:
        """Bytes from a position; fewer at the end of the file."""
        with self._alone():
            return os.pread(self._open(), min(length, READ_LIMIT), position)

    def size(self, _current: Any) -> Any:
        """Bytes on disk."""
        with self._alone():
            return os.fstat(self._open()).st_size

    def exists(self, _current: Any) -> Any:
        """Is there a file on disk?"""
        return self._path is not None and self._path.exists()

    def truncate(self, length: int, _current: Any) -> Any:
        """Cut; False when the file is not longer."""
        with self._alone():
            descriptor = self._open()
            if os.fstat(descriptor).st_size <= length:
                return False
            os.ftruncate(descriptor, length)
            self._modified = True
            return True

    def save(self, current: Any) -> Any:
        """Hash the whole file now and record hash and size."""
        with self._alone():
            row = self._record()
            return self.call(current).reader.load(row) if row else None

    def close(self, _current: Any) -> None:
        """Save, and let go; the store is unknown afterwards."""
        with self._alone():
            try:
                self._record()
            finally:
                self.abandon()
                self.house.registry.withdraw(self.session.uuid, self._name)

    def abandon(self) -> None:
        """Let go without saving, as soon as no call needs it any more: the session ended."""
        with self._lock:
            self.closed = True
            if not self._calls_at_once:
                self._let_go()

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _record(self) -> Row | None:
        row = self.house.database.get(self._file) if self._file else None
        if row is None or self._path is None or not self._path.exists():
            return None
        size = self._path.stat().st_size
        if not self._modified and row.get("size") == size:
            return None
        hasher = row.get("hasher")
        algorithm = self.house.database.get(hasher) if isinstance(hasher, Ref) else None
        digest = checksum(self._path, str(algorithm.get("value")) if algorithm else "SHA1-160")
        access = Call(self.house, self.session, {}).access
        with self.house.database.transaction() as transaction:
            current = transaction.get(row.ref)
            if current is None:
                return None
            changed = Saver(transaction, access).change(current, hash=digest, size=size)
        self._modified = False
        return changed
