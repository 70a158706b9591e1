"""Reads a few bytes here and there of a file, and says in the courier's words why it cannot."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flows.core.disk import told_of
from flows.core.errors import SourceBroken

LONGEST_TEXT = 512 * 1024 * 1024
"""Bytes of metadata that are read: indices of large plates have a tenth of that."""


@dataclass(frozen=True)
class Peek:
    """An open file that is read in small pieces."""

    descriptor: int
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
        return os.pread(self.descriptor, count, offset)

    def head(self, count: int) -> bytes:
        """Return the first bytes, at most `count`."""
        return os.pread(self.descriptor, count, 0)

    def whole(self) -> bytes:
        """Return everything, of a text that is small enough to be one.

        Raises:
            SourceBroken: it is not.
        """
        if self.size > LONGEST_TEXT:
            raise SourceBroken(f"It has {self.size:,} bytes, far more than metadata has.")
        return os.pread(self.descriptor, self.size, 0)

    def tail(self, count: int) -> bytes:
        """Return the last bytes, at most `count`."""
        return os.pread(self.descriptor, count, max(0, self.size - count))

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


@contextmanager
def peeking(path: str, which: str) -> Iterator[Peek]:
    """Open a file for peeking.

    Raises:
        SourceError: it is not there, may not be read, or its share does not answer.
    """
    with told_of(which):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            yield Peek(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
