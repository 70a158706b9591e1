"""Reads the body of an answer over HTTP piece by piece, from a thread that is not that of the connection."""

from collections.abc import Awaitable, Callable

from fsspec.asyn import sync

from flows.core.remotes.store import FsspecStore

_GOODBYE = 5
"""Seconds that letting go of an answer may take."""


class BodyStream:
    """The body of an answer."""

    def __init__(
        self, store: FsspecStore, read: Callable[[int], Awaitable[bytes]], close: Callable[[], object], which: str
    ) -> None:
        """Take what reads at most so many bytes, and none at the end, and what lets go of the answer."""
        self._store, self._read, self._close, self._which = store, read, close, which
        self._loop = store.connected().loop

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer as far as there are bytes; that has to be done within the time set for an answer.

        Raises:
            SourceAway: the connection broke, or nothing came for too long.
        """

        async def fill() -> int:
            done = 0
            while done < len(buffer) and (data := await self._read(len(buffer) - done)):
                buffer[done : done + len(data)] = data
                done += len(data)
            return done

        with self._store.telling(self._which):
            count: int = sync(self._loop, fill, timeout=self._store.remote.timeout)
            return count

    def close(self) -> None:
        """Let go of the connection; what was not read of it is not waited for."""

        async def leave() -> None:
            self._close()

        sync(self._loop, leave, timeout=_GOODBYE)
