"""Reads a source that is to be copied, and says whether it still is what was verified: here, or on another machine."""

import os
import zlib
from contextlib import suppress
from hashlib import new
from io import FileIO
from typing import Protocol

from typing_extensions import Buffer

from flows.core.disk import told_of
from flows.core.errors import CopyDiffers, SourceAway, SourceChanged, SourceError
from flows.core.remotes import Look, Place, Promise, Store, Stream
from flows.core.requests import SourceFile


class Hash(Protocol):
    """A checksum that is being computed."""

    def update(self, data: Buffer, /) -> None:
        """Take further bytes in."""

    def hexdigest(self) -> str:
        """The checksum of all bytes so far."""


class Reading(Protocol):
    """A source, from when its copy is begun until it is done."""

    @property
    def is_ranged(self) -> bool:
        """Whether it can be read from anywhere on."""

    further: Hash | None
    """A further checksum that is wanted of all bytes."""

    def check_unchanged(self) -> None:
        """Check that it still is what was verified.

        Raises:
            SourceChanged: it is another file, or has another size or time.
            SourceError: it cannot be looked at.
        """

    def start(self, offset: int) -> None:
        """Go on from there."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as it goes, and return how far: one byte at least.

        Raises:
            SourceChanged: it is not what was verified any more.
            SourceError: it cannot be read.
        """

    def check_copied(self) -> None:
        """Check, once all was read, that it is what the machine that holds it says.

        Raises:
            CopyDiffers: it is not.
        """

    def close(self) -> None:
        """Let go of it."""


class ReadingHere:
    """A file of this machine."""

    is_ranged = True
    further: Hash | None = None

    def __init__(self, file: SourceFile) -> None:
        """Open it; a link that took its place is not followed.

        Raises:
            SourceError: it cannot be opened.
        """
        self._file = file
        with told_of(file.client_path):
            self._open = FileIO(os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK))
            os.posix_fadvise(self._open.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def check_unchanged(self) -> None:
        """Look at its path, and at what was opened."""
        check_unchanged(self._file, self._open)

    def start(self, offset: int) -> None:
        """Go on from there."""
        self._open.seek(offset)

    def readinto(self, buffer: memoryview) -> int:
        """Read, and look at it again: a few microseconds for megabytes."""
        with told_of(self._file.client_path):
            length = self._open.readinto(buffer)
            look = os.fstat(self._open.fileno())
        if not length or not _is_of(self._file, look):
            raise SourceChanged(which=self._file.client_path)
        return length

    def check_copied(self) -> None:
        """Nobody else tells a checksum."""

    def close(self) -> None:
        """Close it."""
        self._open.close()


class ReadingAfar:
    """A file of another machine."""

    def __init__(self, file: SourceFile, store: Store) -> None:
        """Take note of it; it is opened once it is read."""
        self._file, self._store = file, store
        self._path = Place.parse(file.path).path
        self._look = Look(0)
        self._stream: Stream | None = None
        self._promise: Promise | None = None
        self.further: Hash | None = None

    @property
    def is_ranged(self) -> bool:
        """Whether the server can send it from anywhere on."""
        return self._look.is_ranged

    def check_unchanged(self) -> None:
        """Ask the machine that holds it."""
        file = self._file
        self._look = look = self._store.look(self._path, file.client_path)
        elsewhere = self._store.real(self._path, file.client_path) != self._path
        state = (look.st_size, look.st_mtime_ns, look.version)
        if elsewhere or state != (file.size, file.mtime_ns, file.version):
            raise SourceChanged(which=file.client_path)
        if self._promise is None and look.promise is not None:
            self._promise = look.promise
            self.further = _Crc32() if look.promise.algorithm == "crc32" else new(look.promise.algorithm)

    def start(self, offset: int) -> None:
        """Ask for what comes from there on."""
        self._stream = self._store.stream(self._path, self._file.client_path, offset, self._look)

    def readinto(self, buffer: memoryview) -> int:
        """Take what comes; an end that comes too early is looked into."""
        assert self._stream is not None, "started"
        length = self._stream.readinto(buffer)
        if not length:
            self.check_unchanged()
            raise SourceAway("The connection ended before the file did.", which=self._file.client_path)
        return length

    def check_copied(self) -> None:
        """Compare with the checksum that the server told, where it did."""
        if (
            self._promise is not None
            and self.further is not None
            and self.further.hexdigest() != self._promise.hexdigest
        ):
            raise CopyDiffers(
                f"The {self._promise.algorithm} of the copy is not the one that its server tells.",
                which=self._file.client_path,
            )

    def close(self) -> None:
        """Let go of it; where the connection is broken there is nothing to let go of."""
        if self._stream is not None:
            with suppress(SourceError):
                self._stream.close()


class _Crc32:
    """The checksum that Amazon's tools put on objects: four bytes, the highest first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def reading(file: SourceFile, store: Store | None) -> Reading:
    """Begin to read a file; `store` reaches it where it is not on this machine.

    Raises:
        SourceError: it cannot be opened.
    """
    return ReadingHere(file) if store is None else ReadingAfar(file, store)


def check_unchanged(file: SourceFile, source: FileIO | None = None) -> None:
    """Check that a source of this machine still is what was verified: at its path and, once opened, what was opened.

    Raises:
        SourceChanged: it is another file, or has another size or time.
        SourceError: it cannot be looked at.
    """
    with told_of(file.client_path):
        look = os.lstat(file.path)
        elsewhere = os.path.realpath(file.path) != file.path
        replaced = source is not None and not os.path.samestat(look, os.fstat(source.fileno()))
    if elsewhere or replaced or not _is_of(file, look):
        raise SourceChanged(which=file.client_path)


def _is_of(file: SourceFile, look: os.stat_result) -> bool:
    return (look.st_size, look.st_mtime_ns) == (file.size, file.mtime_ns)
