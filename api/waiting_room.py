"""How many imports wait for one OMERO server: counted at most once a second, kept up in between by what was added."""

import asyncio
import time
from datetime import datetime

from api.problems import Problem
from api.runs import EngineAway, ImportState, Run, Runs

SECONDS = 1.0
"""How old a count may be: counting costs the engine a fifth of what taking a new run costs it."""


class WaitingRoom:
    """The waiting room of one OMERO server, as one process of the API sees it."""

    def __init__(self, runs: Runs, server: str, limit: int) -> None:
        """Count on `runs`; `limit` is how many may wait."""
        self._runs, self._server, self._limit = runs, server, limit
        self._counted = float("-inf")
        self._waiting = 0
        self._ahead = 0
        """Those whose time has come."""
        self._lock = asyncio.Lock()

    async def check_room(self, now: datetime) -> None:
        """See that not too many wait.

        Raises:
            Problem: too many do.
        """
        async with self._lock:
            if time.monotonic() - self._counted > SECONDS:
                self._waiting, self._ahead = await asyncio.gather(
                    self._runs.waiting(self._server), self._runs.waiting(self._server, before=now)
                )
                self._counted = time.monotonic()
        if self._waiting >= self._limit:
            raise Problem(
                429,
                "too-many-waiting",
                f"{self._waiting} imports wait for {self._server}, which is as many as may.",
                advice="Send it again later.",
            )

    async def position(self, run: Run, *, just_made: bool) -> int | None:
        """Say how many wait before a run; None when it does not wait, or nobody can tell."""
        if run.state is not ImportState.SCHEDULED:
            return None
        if just_made:
            self._waiting += 1
            self._ahead += 1
            return self._ahead - 1
        try:
            return await self._runs.waiting(self._server, before=run.next_start or run.due)
        except EngineAway:
            # No reason to refuse an import that was made meanwhile.
            return None
