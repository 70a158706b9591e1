"""The waiting room of one OMERO server: who is let in, who stands in line, how many are ahead."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from api.problems import Problem
from api.runs import EngineAway, Run, Runs
from api.tally import SECONDS, Tallies
from flows.core.names import HELD_FOR


class WaitingRoom:
    """The waiting room of one OMERO server, as one process of the API sees it."""

    def __init__(self, runs: Runs, server: str, limit: int, per_user: int) -> None:
        """Count on `runs`; `limit` is how many may wait, `per_user` how many of one user may be in the pool."""
        self._runs, self._server, self._limit, self._per_user = runs, server, limit, per_user
        self._tallies = Tallies()
        self._outage: tuple[float, str | None] = (float("-inf"), None)
        self._served: dict[str, tuple[float, bool]] = {}

    async def check_room(self) -> None:
        """See that not too many wait.

        Raises:
            Problem: too many do.
        """
        waiting = await self._tallies.of("waiting").value(lambda: self._runs.waiting(self._server))
        if waiting >= self._limit:
            raise Problem(
                429,
                "too-many-waiting",
                f"{waiting} imports wait for {self._server}, which is as many as may.",
                advice="Send it again later.",
            )

    @asynccontextmanager
    async def place(self, user: str, bulk: bool, start: datetime, station: str | None = None) -> AsyncIterator["Place"]:
        """Keep a place in the pool for a run that is made in the block, if its user has one left.

        Those for later are counted with all that wait by the clock, so that no user fills the pool at an agreed hour.
        """
        now = datetime.now(UTC)
        later = start > now
        until = now + HELD_FOR / 2 if later else now
        tally = self._tallies.of("pool", user, bulk, station, later)
        taken = await tally.value(lambda: self._runs.in_pool(self._server, user, bulk, until, station))
        place = Place(held=taken >= self._per_user)
        if place.held:
            yield place
            return
        tally.begin()
        try:
            yield place
        finally:
            tally.end(made=place.taken)

    def one_more(self) -> None:
        """Count a run that was just made among those that wait."""
        self._tallies.of("waiting").add()

    async def position(self, run: Run, *, just_made: bool = False) -> int | None:
        """Say how many wait before a run; None when it does not wait, or nobody can tell."""
        if not run.state.waits:
            return None
        try:
            if just_made:
                return await self._last(run)
            return (await self.positions([run])).get(run.id)
        except EngineAway:
            # No reason to refuse an import that was made meanwhile.
            return None

    async def _last(self, run: Run) -> int | None:
        """Count for a run that was just made: it is the last in line, unless its time has not come."""
        now = datetime.now(UTC)
        if run.due > now:
            return (await self.positions([run])).get(run.id)
        line = self._tallies.of("line", run.bulk, run.station)
        ahead = await line.value(lambda: self._runs.ahead(self._server, run.bulk, run.due, run.station))
        if not run.held:
            line.add()
            return ahead
        held = self._tallies.of("held", run.user, run.bulk, run.station)
        ahead += await held.value(lambda: self._runs.held(self._server, run.user, run.bulk, run.due, run.station))
        held.add()
        return ahead

    async def positions(self, runs: Sequence[Run]) -> dict[UUID, int]:
        """Say for each waiting run how many are ahead: in line, and for a held one also its user's earlier held ones.

        `runs` are all that there are between the first and the last of them, the latest first.
        """
        now = datetime.now(UTC)
        in_line = {
            run.id: (run.bulk, run.next_start, run.station) for run in runs if run.state.waits and run.next_start
        }
        moments = list(set(in_line.values()))
        counts = await asyncio.gather(*(self._runs.ahead(self._server, *each) for each in moments))
        ahead = dict(zip(moments, counts, strict=True))
        found = {run_id: ahead[moment] for run_id, moment in in_line.items()}
        groups: dict[tuple[str, bool, str | None], list[Run]] = defaultdict(list)
        for run in reversed(runs):
            if run.state.waits and run.held:
                groups[run.user, run.bulk, run.station].append(run)
        for (user, bulk, station), held in groups.items():
            first = await self._runs.ahead(self._server, bulk, now, station)
            first += await self._runs.held(self._server, user, bulk, held[0].due, station)
            found.update({run.id: first + number for number, run in enumerate(held)})
        return found

    async def outage(self) -> str | None:
        """Say why nothing is imported just now; None where it is."""
        asked, told = self._outage
        if time.monotonic() - asked > SECONDS:
            told = await self._runs.outage(self._server)
            self._outage = (time.monotonic(), told)
        return told

    async def why_late(self, run: Run) -> str | None:
        """Say why a run that waits does so longer than it would; None where there is nothing to say."""
        if not run.state.waits:
            return None
        outage = await self.outage()
        if outage is not None or run.station is None:
            return outage
        asked, served = self._served.get(run.station, (float("-inf"), False))
        if time.monotonic() - asked > SECONDS:
            served = await self._runs.is_served(self._server, run.station)
            self._served[run.station] = (time.monotonic(), served)
        if served:
            return None
        return f"It waits for the worker of the workstation {run.station}, which takes no imports just now."


class Place:
    """A place in the pool, or none."""

    def __init__(self, held: bool) -> None:
        """Say whether the run has to wait for one."""
        self.held = held
        self.taken = False
        """Set once the run was made."""
