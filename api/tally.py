"""A number that is counted at most once a second, and kept up in between by what was added."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

SECONDS = 1.0
"""How old a count may be: counting costs the engine a fifth of what taking a new run costs it."""
MOST = 1000
"""Tallies that are remembered at a time."""


class Tally:
    """One such number."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._counted = float("-inf")
        self._number = 0
        self._being_added = 0
        self._lock = asyncio.Lock()

    @property
    def idle(self) -> bool:
        """Whether it may be forgotten."""
        return not self._being_added and not self._lock.locked() and time.monotonic() - self._counted > SECONDS

    async def value(self, count: Callable[[], Awaitable[int]]) -> int:
        """Return the number; while something is being added, which a new count would or would not hold, it stays."""
        async with self._lock:
            if not self._being_added and time.monotonic() - self._counted > SECONDS:
                self._number = await count()
                self._counted = time.monotonic()
            return self._number

    def add(self) -> None:
        """One more was made."""
        self._number += 1

    def begin(self) -> None:
        """One more is being made."""
        self._number += 1
        self._being_added += 1

    def end(self, *, made: bool) -> None:
        """It was made, or was not after all."""
        self._being_added -= 1
        self._number -= not made


class Tallies:
    """Numbers by what they are of."""

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[Hashable, Tally] = {}

    def of(self, *what: Hashable) -> Tally:
        """Return the tally of something."""
        if len(self._known) >= MOST:
            self._known = {name: tally for name, tally in self._known.items() if not tally.idle}
        return self._known.setdefault(what, Tally())
