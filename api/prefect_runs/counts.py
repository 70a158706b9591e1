"""What is counted in Prefect for those who watch the courier: one question for each number."""

import asyncio
from datetime import datetime

from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from api.prefect_runs.line import AT_WORK, WAITING, Line
from api.prefect_runs.messages import GIVEN_UP
from api.sweep_runs import ImportCounts
from flows.core.names import HOUSEKEEPING_FLOW, MESSAGE_FLOW, outage_name


class Counting(Line):
    """Counts imports and messages by their state."""

    async def import_counts(self, server: str) -> ImportCounts:
        """Count the imports of a server."""
        kinds = (WAITING, AT_WORK, [StateType.FAILED])
        waiting, running, failed = await asyncio.gather(*(self._count(server, types=each) for each in kinds))
        return ImportCounts(waiting=waiting, running=running, failed=failed)

    async def messages_unsent(self) -> int:
        """Count the messages that could not be sent, of all servers."""
        wanted = where.FlowRunFilter(
            state=where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=GIVEN_UP)),
        )
        async with self._asking():
            return await self._client.count_flow_runs(
                flow_filter=where.FlowFilter(name=where.FlowFilterName(any_=[MESSAGE_FLOW])), flow_run_filter=wanted
            )

    async def last_round(self) -> datetime | None:
        """Say when housekeeping last did all of its duties; None where that is not known to have happened."""
        done = where.FlowRunFilter(
            state=where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=[StateType.COMPLETED]))
        )
        async with self._asking():
            found = await self._client.read_flow_runs(
                flow_filter=where.FlowFilter(name=where.FlowFilterName(any_=[HOUSEKEEPING_FLOW])),
                flow_run_filter=done,
                sort=FlowRunSort.END_TIME_DESC,
                limit=1,
            )
        return found[0].end_time if found else None

    async def omero_away(self, server: str) -> bool:
        """Say whether imports wait since this server does not answer; a pause of an operator is none."""
        async with self._asking():
            return await self._client.read_variable_by_name(outage_name(server)) is not None
