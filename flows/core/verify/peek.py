"""Reads a few bytes here and there of a file, and says in the courier's words why it cannot."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase

from typing_extensions import Buffer

from flows.core.disk import told_of
from flows.core.errors import SourceBroken
from flows.core.remotes import Opened, Place, Store
from flows.core.requests import SourceFile
from flows.core.verify.far_file import FarFile

LONGEST_TEXT = 512 * 1024 * 1024
"""Bytes of metadata that are read: indices of large plates have a tenth of that."""


@dataclass(frozen=True)
class Peek:
    """An open file that is read in small pieces."""

    opened: Opened
    size: int
    """Bytes."""

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on.

        Raises:
            SourceBroken: the file ends before.
        """
        self.holds(offset + count)
        if offset < 0:
            raise SourceBroken("Its table of contents points to before its beginning.")
        return self.opened.at(offset, count)

    def head(self, count: int) -> bytes:
        """Return the first bytes, at most `count`."""
        return self.opened.at(0, count)

    def whole(self) -> bytes:
        """Return everything, of a text that is small enough to be one.

        Raises:
            SourceBroken: it is not.
        """
        if self.size > LONGEST_TEXT:
            raise SourceBroken(f"It has {self.size:,} bytes, far more than metadata has.")
        return self.opened.at(0, self.size)

    def tail(self, count: int) -> bytes:
        """Return the last bytes, at most `count`."""
        return self.opened.at(max(0, self.size - count), count)

    def stream(self) -> BufferedReader:
        """Return the file as libraries want one."""
        return BufferedReader(_Stream(self))

    def holds(self, end: int) -> None:
        """Check that the file goes on until `end`.

        Raises:
            SourceBroken: it does not.
        """
        if end > self.size:
            raise self.ends_before(end)

    def ends_before(self, end: int) -> SourceBroken:
        """Say that the file is shorter than it says itself."""
        return SourceBroken(
            f"The file is cut off: it has {self.size:,} bytes, and its own table of contents points to byte {end:,}.",
            advice="Copy it again from where it was acquired, and import it then.",
        )


class _Stream(RawIOBase):
    """A file to read on, and to seek in."""

    name = ""
    """Libraries ask for one."""

    def __init__(self, peek: Peek) -> None:
        self._peek, self._place = peek, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._peek.size}[whence]
        if begin + offset < 0:
            raise ValueError("before the beginning")
        self._place = begin + offset
        return self._place

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._peek.opened.at(self._place, len(view))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)


class _Here:
    """An open file of this machine."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def at(self, offset: int, count: int) -> bytes:
        return os.pread(self._descriptor, count, offset)

    def close(self) -> None:
        os.close(self._descriptor)


LookInto = Callable[[SourceFile], AbstractContextManager[Peek]]
"""Opens a file for peeking, wherever it is."""


@contextmanager
def peeking(path: str, which: str, store: Store | None = None) -> Iterator[Peek]:
    """Open a file for peeking; `store` reaches it where it is not on this machine.

    Raises:
        SourceError: it is not there, may not be read, or its share does not answer.
    """
    if store is not None:
        with closing(FarFile(store, Place.parse(path).path, which)) as far:
            yield Peek(far, far.size)
        return
    with told_of(which):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        with closing(_Here(descriptor)) as here:
            yield Peek(here, os.fstat(descriptor).st_size)
