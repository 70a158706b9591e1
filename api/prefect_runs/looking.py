"""Import runs in Prefect: made, read, listed, with what they leave behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort, LogSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled
from pydantic import TypeAdapter

from api.prefect_runs.connection import Connection
from api.prefect_runs.states import States, prefect_states
from api.prefect_runs.translation import (
    FAR,
    FINGERPRINT,
    held_until,
    just_before,
    state_filter,
    translate,
    translate_state,
)
from api.runs import EngineAway, NewRun, Run, RunQuery, RunUnknown, Step
from flows.core.names import EMAIL, HELD_FOR, IMPORT_FLOW, queue_of, server_tag, user_tag
from flows.core.status import FILESETS, FilesetStatus

LOG_PAGE = 200

_STATUSES = TypeAdapter(tuple[FilesetStatus, ...])


class Looking(Connection):
    """Makes runs and looks at them."""

    def __init__(self, client: PrefectClient) -> None:
        """Use a client that is open."""
        super().__init__(client)
        self._deployments: dict[str, UUID] = {}

    async def create(self, new: NewRun) -> Run:
        """Make a run, or return the one that has its key."""
        async with self._asking():
            run = await self._client.create_flow_run_from_deployment(
                await self._deployment(new.server),
                name=new.name,
                parameters={"request": new.request},
                state=held_until(new.start, new.user) if new.held else Scheduled(scheduled_time=new.start),
                tags=[user_tag(new.user), server_tag(new.server), *new.tags],
                labels={FINGERPRINT: new.fingerprint, **({EMAIL: new.email} if new.email else {})},
                idempotency_key=new.key,
                work_queue_name=queue_of(bulk=new.bulk, station=new.station),
            )
        return translate(run)

    async def _deployment(self, server: str) -> UUID:
        if server not in self._deployments:
            try:
                found = await self._client.read_deployment_by_name(f"{IMPORT_FLOW}/{server}")
            except ObjectNotFound as missing:
                raise EngineAway(f"{IMPORT_FLOW}/{server} is not deployed: run `make deploy`") from missing
            self._deployments[server] = found.id
        return self._deployments[server]

    async def read(self, run_id: UUID) -> Run:
        """Return a run, or raise `RunUnknown`."""
        try:
            async with self._asking():
                return translate(await self._client.read_flow_run(run_id))
        except ObjectNotFound as missing:
            raise RunUnknown from missing

    async def recent(self, query: RunQuery) -> list[Run]:
        """Return the latest runs first.

        Prefect sorts by when a run was first to start, which for those that were held at first is years ahead: they
        are asked for apart, and the two lists are merged.
        """
        if query.users is not None and not query.users:
            return []
        meanings: list[States | None] = list(prefect_states(query.states)) if query.states else [None]
        lists = await asyncio.gather(
            *(self._page(query, meaning, held) for meaning in meanings for held in (False, True))
        )
        found = [run for each in lists for run in each]
        return sorted(found, key=lambda run: run.due, reverse=True)[: query.limit]

    async def _page(self, query: RunQuery, meaning: States | None, held: bool) -> list[Run]:
        shift = HELD_FOR if held else timedelta()
        border = datetime.now(UTC) + FAR
        before, after = (None if each is None else each + shift for each in (query.before, query.since))
        first = max(after or border, border) if held else after
        last = just_before(before) if before is not None else None if held else border
        wanted = where.FlowRunFilter(
            tags=where.FlowRunFilterTags(
                all_=[server_tag(query.server)],
                any_=None if query.users is None else [user_tag(user) for user in sorted(query.users)],
            ),
            expected_start_time=where.FlowRunFilterExpectedStartTime(after_=first, before_=last),
            state=None if meaning is None else state_filter(meaning),
        )
        async with self._asking():
            found = await self._client.read_flow_runs(
                flow_filter=where.FlowFilter(name=where.FlowFilterName(any_=[IMPORT_FLOW])),
                flow_run_filter=wanted,
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                limit=query.limit,
            )
        return [translate(each) for each in found]

    async def filesets(self, run_id: UUID) -> tuple[FilesetStatus, ...]:
        """Return how far each fileset of a run is; none before they are known."""
        async with self._asking():
            found = await self._client.read_artifacts(
                artifact_filter=where.ArtifactFilter(
                    key=where.ArtifactFilterKey(any_=[FILESETS]),
                    flow_run_id=where.ArtifactFilterFlowRunId(any_=[run_id]),
                ),
                sort=ArtifactSort.UPDATED_DESC,
                limit=1,
            )
        return _STATUSES.validate_python(found[0].data) if found else ()

    async def steps(self, run_id: UUID) -> tuple[Step, ...]:
        """Return the states that a run came into, the first one first; none for one that is not there."""
        async with self._asking():
            states = await self._client.read_flow_run_states(run_id)
        return tuple(translate_state(each) for each in sorted(states, key=lambda state: state.timestamp))

    async def log(self, run_id: UUID) -> AsyncIterator[str]:
        """Return the log, a line at a time."""
        wanted = where.LogFilter(flow_run_id=where.LogFilterFlowRunId(any_=[run_id]))
        offset = 0
        while True:
            async with self._asking():
                page = await self._client.read_logs(wanted, limit=LOG_PAGE, offset=offset, sort=LogSort.TIMESTAMP_ASC)
            for each in page:
                moment = each.timestamp.isoformat(sep=" ", timespec="milliseconds")
                yield f"{moment} {logging.getLevelName(each.level):8} {each.message}\n"
            if len(page) < LOG_PAGE:
                return
            offset += LOG_PAGE
