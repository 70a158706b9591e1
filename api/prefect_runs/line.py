"""The line before an OMERO server: how many are in it, who is ahead, and whether it moves at all."""

from datetime import UTC, datetime, timedelta

from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from api.prefect_runs.connection import Connection
from api.prefect_runs.translation import just_before
from flows.core.names import HELD, HELD_FOR, IMPORT_FLOW, outage_name, pool_of, queue_of, server_tag, user_tag

WAITING = [StateType.SCHEDULED]
SILENCE = timedelta(minutes=2)
"""A worker asks every 15 s; Prefect notes that a moment later."""
AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


class Line(Connection):
    """Counts the runs in the work pool of an OMERO server; a held one is scheduled years ahead, and not in line."""

    async def waiting(self, server: str) -> int:
        """Count all runs that wait for this server."""
        return await self._count(server, types=WAITING)

    async def ahead(self, server: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        """Count those in line for this server, and this workstation, that go before one of this kind due then."""
        queue = queue_of(bulk=bulk, station=station)
        before_it = await self._count(server, types=WAITING, queue=queue, before=before)
        if not bulk:
            return before_it
        people, meanwhile = queue_of(bulk=False, station=station), max(before, datetime.now(UTC))
        return before_it + await self._count(server, types=WAITING, queue=people, before=meanwhile)

    async def in_pool(self, server: str, user: str, bulk: bool, until: datetime, station: str | None = None) -> int:
        """Count a user's runs of this kind that run, or are in line until then, other than held ones."""
        queue = queue_of(bulk=bulk, station=station)
        in_line = await self._count(server, types=WAITING, queue=queue, user=user, before=until)
        return in_line + await self._count(server, types=AT_WORK, queue=queue, user=user)

    async def held(self, server: str, user: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        """Count a user's held runs of this kind that were due before."""
        queue, until = queue_of(bulk=bulk, station=station), before + HELD_FOR
        return await self._count(server, types=WAITING, name=HELD, queue=queue, user=user, before=until)

    async def _count(
        self,
        server: str,
        *,
        types: list[StateType],
        name: str | None = None,
        queue: str | None = None,
        user: str | None = None,
        before: datetime | None = None,
    ) -> int:
        due = None if before is None else where.FlowRunFilterNextScheduledStartTime(before_=just_before(before))
        wanted = where.FlowRunFilter(
            state=where.FlowRunFilterState(
                type=where.FlowRunFilterStateType(any_=types),
                name=None if name is None else where.FlowRunFilterStateName(any_=[name]),
            ),
            tags=None if user is None else where.FlowRunFilterTags(all_=[user_tag(user)]),
            next_scheduled_start_time=due,
        )
        async with self._asking():
            return await self._client.count_flow_runs(
                flow_filter=where.FlowFilter(name=where.FlowFilterName(any_=[IMPORT_FLOW])),
                flow_run_filter=wanted,
                work_pool_filter=where.WorkPoolFilter(name=where.WorkPoolFilterName(any_=[pool_of(server)])),
                work_queue_filter=None
                if queue is None
                else where.WorkQueueFilter(name=where.WorkQueueFilterName(any_=[queue])),
            )

    async def living_in(self, server: str, tag: str) -> int:
        """Count the runs with this tag that are not over."""
        wanted = where.FlowRunFilter(
            tags=where.FlowRunFilterTags(all_=[server_tag(server), tag]),
            state=where.FlowRunFilterState(
                type=where.FlowRunFilterStateType(any_=[*WAITING, *AT_WORK, StateType.CRASHED])
            ),
        )
        async with self._asking():
            return await self._client.count_flow_runs(flow_run_filter=wanted)

    async def is_served(self, server: str, station: str) -> bool:
        """Say whether a worker of this workstation asked for imports lately."""
        name = queue_of(bulk=False, station=station)
        async with self._asking():
            try:
                queue = await self._client.read_work_queue_by_name(name, work_pool_name=pool_of(server))
            except ObjectNotFound:
                return False
        return queue.last_polled is not None and datetime.now(UTC) - queue.last_polled < SILENCE

    async def outage(self, server: str) -> str | None:
        """Say why nothing is imported into this server just now; None where it is."""
        async with self._asking():
            try:
                pool = await self._client.read_work_pool(pool_of(server))
            except ObjectNotFound:
                return None
            if not pool.is_paused:
                return None
            away = await self._client.read_variable_by_name(outage_name(server))
        if away is None:
            return f"The operator has paused the imports into OMERO {server}."
        since = away.value.get("since") if isinstance(away.value, dict) else None
        return f"OMERO {server} is away{_since(str(since))}: imports wait."


def _since(moment: str) -> str:
    try:
        return f" since {datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""
