"""Runs in Prefect: the only module of the API that knows Prefect."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas import filters as where
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort, LogSort
from prefect.context import get_settings_context
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Cancelling, Scheduled
from pydantic import TypeAdapter

from api.prefect_states import import_state, prefect_states
from api.runs import EngineAway, ImportState, NewRun, Run, RunOver, RunQuery, RunUnknown
from flows.core.seal import carried_session_name
from flows.core.status import FILESETS, FilesetStatus

FLOW = "import-images"
QUEUE = "people"
"""The queue of those who wait for their images; sweeps come after them."""
FINGERPRINT = "courier.fingerprint"
CALL_SECONDS = 10.0
LOG_PAGE = 200

_STATUSES = TypeAdapter(tuple[FilesetStatus, ...])


class PrefectRuns:
    """Speaks to one Prefect server through one client, for as long as the API runs."""

    def __init__(self, client: PrefectClient) -> None:
        """Use a client that is open; `connected` opens one."""
        self._client = client
        self._deployments: dict[str, UUID] = {}
        # Prefect's client would try five times more, for a minute; a caller is better told to come back after one.
        with temporary_settings({"PREFECT_CLIENT_MAX_RETRIES": 1, "PREFECT_CLIENT_RETRY_JITTER_FACTOR": 0}):
            self._impatience = get_settings_context().model_copy()

    @classmethod
    @asynccontextmanager
    async def connected(cls) -> AsyncIterator[Self]:
        """Open a client to the server that PREFECT_API_URL names, which need not answer yet.

        Raises:
            ValueError: PREFECT_API_URL is not set; Prefect would start a server of its own then.
        """
        if not PREFECT_API_URL.value():
            raise ValueError("PREFECT_API_URL is not set: name the Prefect server, as in http://127.0.0.1:4200/api")
        async with get_client() as client:
            yield cls(client)

    async def create(self, new: NewRun) -> Run:
        """Make a run, or return the one that has its key."""
        async with self._asking():
            run = await self._client.create_flow_run_from_deployment(
                await self._deployment(new.server),
                name=new.name,
                parameters={"request": new.request},
                state=Scheduled(scheduled_time=new.start),
                tags=[f"user:{new.user}", f"server:{new.server}"],
                labels={FINGERPRINT: new.fingerprint},
                idempotency_key=new.key,
                work_queue_name=QUEUE,
            )
        return _run(run)

    async def _deployment(self, server: str) -> UUID:
        if server not in self._deployments:
            try:
                self._deployments[server] = (await self._client.read_deployment_by_name(f"{FLOW}/{server}")).id
            except ObjectNotFound as missing:
                raise EngineAway(f"{FLOW}/{server} is not deployed: run `make deploy`") from missing
        return self._deployments[server]

    async def read(self, run_id: UUID) -> Run:
        """Return a run, or raise `RunUnknown`."""
        try:
            async with self._asking():
                return _run(await self._client.read_flow_run(run_id))
        except ObjectNotFound as missing:
            raise RunUnknown from missing

    async def recent(self, query: RunQuery) -> list[Run]:
        """Return the latest runs first."""
        if query.users is not None and not query.users:
            return []
        wanted = where.FlowRunFilter(
            tags=where.FlowRunFilterTags(
                all_=[f"server:{query.server}"],
                any_=None if query.users is None else [f"user:{user}" for user in sorted(query.users)],
            ),
            expected_start_time=where.FlowRunFilterExpectedStartTime(
                after_=query.since,
                before_=None if query.before is None else _just_before(query.before),
            ),
            state=None if query.state is None else _meaning(query.state),
        )
        async with self._asking():
            found = await self._client.read_flow_runs(
                flow_filter=where.FlowFilter(name=where.FlowFilterName(any_=[FLOW])),
                flow_run_filter=wanted,
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                limit=query.limit,
            )
        return [_run(each) for each in found]

    async def waiting(self, server: str, before: datetime | None = None) -> int:
        """Count the runs that wait for this server; with `before`, those that a run due then would wait behind."""
        ahead = before is not None
        wanted = where.FlowRunFilter(
            state=where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(before_=_just_before(before))
            if before is not None
            else None,
        )
        async with self._asking():
            return await self._client.count_flow_runs(
                flow_run_filter=wanted,
                work_pool_filter=where.WorkPoolFilter(name=where.WorkPoolFilterName(any_=[f"omero-{server}"])),
                work_queue_filter=where.WorkQueueFilter(name=where.WorkQueueFilterName(any_=[QUEUE]))
                if ahead
                else None,
            )

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

    async def cancel(self, run: Run) -> Run:
        """Stop a run, or raise `RunOver`.

        A waiting run is cancelled at once: in Cancelling it would stay for minutes, since it has no process to end.
        """
        current = await self.read(run.id)
        if current.state.is_over:
            raise RunOver
        waits = current.state in {ImportState.SCHEDULED, ImportState.WAITING_TO_RETRY}
        if not current.stopping:
            message = "Cancelled by its user."
            state: State[None] = Cancelled(message=message) if waits else Cancelling(message=message)
            async with self._asking():
                await self._client.set_flow_run_state(run.id, state)
        if waits:
            await self.drop(run.key)
        return await self.read(run.id)

    async def carry(self, key: str, sealed: str) -> None:
        """Keep a sealed session for the run with this key."""
        name = carried_session_name(key)
        async with self._asking():
            try:
                await self._client.create_variable(VariableCreate(name=name, value=sealed, tags=["courier"]))
            except ObjectAlreadyExists:
                await self._client.update_variable(VariableUpdate(name=name, value=sealed))

    async def drop(self, key: str) -> None:
        """Forget the sealed session of the run with this key, if there is one."""
        async with self._asking():
            try:
                await self._client.delete_variable_by_name(carried_session_name(key))
            except ObjectNotFound:
                return

    async def ping(self) -> None:
        """Return if Prefect and its database answer."""
        async with self._asking():
            await self._client.read_work_pools(limit=1)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            with self._impatience.model_copy():
                async with asyncio.timeout(CALL_SECONDS):
                    yield
        except (httpx.HTTPError, TimeoutError) as away:
            raise EngineAway(f"Prefect: {type(away).__name__}") from away


def _run(run: FlowRun) -> Run:
    """Translate; a run that is not of an import has no server among its tags."""
    server = next(_tagged(run, "server:"), None)
    request = run.parameters.get("request")
    if server is None or not isinstance(request, dict) or run.state is None:
        raise RunUnknown
    created = run.created or run.state.timestamp
    return Run(
        id=run.id,
        name=run.name,
        server=server,
        user=next(_tagged(run, "user:"), None) or str(request.get("on_behalf_of", "")),
        state=import_state(run.state.type.value, run.state.name),
        stopping=run.state.type is StateType.CANCELLING,
        message=run.state.message or "",
        created=created,
        due=run.expected_start_time or created,
        next_start=run.next_scheduled_start_time,
        started=run.start_time,
        ended=run.end_time,
        key=run.idempotency_key or "",
        fingerprint=str(run.labels.get(FINGERPRINT, "")),
        request=request,
    )


def _meaning(state: ImportState) -> where.FlowRunFilterState:
    types, named, not_named = prefect_states(state)
    return where.FlowRunFilterState(
        type=where.FlowRunFilterStateType(any_=[StateType(each) for each in types]),
        name=where.FlowRunFilterStateName(any_=named, not_any_=not_named),
    )


def _tagged(run: FlowRun, prefix: str) -> Iterator[str]:
    return (tag.removeprefix(prefix) for tag in run.tags if tag.startswith(prefix))


def _just_before(moment: datetime) -> datetime:
    """Prefect's filters include the moment itself."""
    return moment - timedelta(microseconds=1)
