"""An answer that is worked out at most every so many seconds, however many ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from api.runs import EngineAway

T = TypeVar("T")


class Recent(Generic[T]):
    """One such answer; that nobody could be asked is an answer, too."""

    def __init__(self, seconds: float) -> None:
        """Know nothing yet; what is known later counts for so long."""
        self._seconds = seconds
        self._until = float("-inf")
        self._answer: T | EngineAway | None = None
        self._lock = asyncio.Lock()

    async def answer(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the answer of a moment ago, or work it out.

        Raises:
            EngineAway: the workflow engine did not answer a moment ago, or does not now.
        """
        async with self._lock:
            if self._answer is None or time.monotonic() >= self._until:
                try:
                    self._answer = await work()
                except EngineAway as away:
                    self._answer = away
                self._until = time.monotonic() + self._seconds
            known = self._answer
        if isinstance(known, EngineAway):
            raise EngineAway(*known.args) from known
        return known
