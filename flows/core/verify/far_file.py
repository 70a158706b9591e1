"""Reads here and there of a file on another machine in as few requests as are needed: in blocks, each kept."""

from collections import OrderedDict

from flows.core.errors import SourceOpaque
from flows.core.remotes import Store

BLOCK = 64 * 1024
"""Bytes that are asked for at least."""
_KEPT = 64
_LARGEST = 4 * 1024 * 1024
"""Bytes that are asked for at a time."""
MOST = 200
"""Requests that a look into one file may cost. The copy of it is looked into as a whole, later and here."""


class FarFile:
    """A file on another machine."""

    def __init__(self, store: Store, path: str, which: str) -> None:
        """Open it.

        Raises:
            SourceError: it is not there, may not be read, or the host does not answer.
        """
        self.size = store.look(path, which).st_size
        self._opened = store.open(path, which)
        self._which = which
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._asked = 0

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on, less where the file ends before.

        Raises:
            SourceOpaque: its server sends it as a whole only, or it would take too many requests.
            SourceError: it cannot be read.
        """
        end = min(offset + count, self.size)
        if end <= offset:
            return b""
        if end - offset > BLOCK:
            pieces = range(offset, end, _LARGEST)
            return b"".join(self._ask(each, min(_LARGEST, end - each)) for each in pieces)
        first, last = offset // BLOCK, (end - 1) // BLOCK
        data = b"".join(self._block(number) for number in range(first, last + 1))
        return data[offset - first * BLOCK : end - first * BLOCK]

    def close(self) -> None:
        """Let go of it."""
        self._opened.close()

    def _block(self, number: int) -> bytes:
        if (known := self._blocks.get(number)) is not None:
            self._blocks.move_to_end(number)
            return known
        data = self._ask(number * BLOCK, min(BLOCK, self.size - number * BLOCK))
        self._blocks[number] = data
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return data

    def _ask(self, offset: int, count: int) -> bytes:
        self._asked += 1
        if self._asked > MOST:
            raise SourceOpaque("It would take too many requests to look into it where it is.", which=self._which)
        return self._opened.at(offset, count)
