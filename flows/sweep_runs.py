"""The imports that sweeps ask for, as Prefect knows them: made, found again, and looked at."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled
from pydantic import TypeAdapter

from flows.core import names
from flows.core.errors import UnexpectedFault
from flows.core.requests import ImportRequest
from flows.core.settings import OmeroServer
from flows.core.status import FILESETS, FilesetStatus
from flows.core.sweep.outcomes import RunSeen
from flows.patience import patiently
from flows.upkeep.runs import IMPORTS, LIVING, PAGE, find, in_state, tagged
from flows.upkeep.waiting import in_line

FAILED = frozenset({StateType.FAILED, StateType.CANCELLED})
_STATUSES = TypeAdapter(tuple[FilesetStatus, ...])


class SweepImports:
    """The imports of one sweep."""

    def __init__(
        self, client: SyncPrefectClient, sweep: str, server_name: str, server: OmeroServer, station: str | None = None
    ) -> None:
        """Ask nothing yet; what is found on a workstation by its own worker is imported there."""
        self._station = station
        self._client = client
        self._sweep = sweep
        self._server_name = server_name
        self._server = server

    def seen(self, since: Mapping[str, float]) -> dict[str, RunSeen]:
        """Return, by their ids, those of these imports that there are, with what became of their filesets.

        Args:
            since: by the id of the import, up to when it is known what became of it, in seconds since 1970.

        Raises:
            httpx.HTTPError: Prefect was away for too long.
        """
        ids = [UUID(each) for each in since]
        found: dict[str, RunSeen] = {}
        for start in range(0, len(ids), PAGE):
            wanted = where.FlowRunFilter(id=where.FlowRunFilterId(any_=ids[start : start + PAGE]))
            page = patiently(partial(self._client.read_flow_runs, flow_run_filter=wanted, limit=PAGE))
            found.update((str(run.id), self._seen(run, since[str(run.id)])) for run in page)
        return found

    def under_way(self, but: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the files that imports of this sweep have which are not over, as id and path; but not of these ids."""
        wanted = where.FlowRunFilter(tags=tagged(names.sweep_tag(self._sweep)), state=in_state(LIVING))
        for run in patiently(lambda: list(find(self._client, IMPORTS, wanted))):
            if str(run.id) not in but:
                for path in ImportRequest.model_validate(run.parameters["request"]).sources:
                    yield str(run.id), path

    def ask(self, request: ImportRequest, key: str) -> str:
        """Ask for an import, or find the one that was asked for by this key; return its id.

        Raises:
            UnexpectedFault: nothing is deployed for its server.
            httpx.HTTPError: Prefect was away for too long.
        """
        run = patiently(partial(self._make, request, key))
        while run.state is not None and run.state.type in FAILED:
            # What failed is handed over once more since somebody released it, or the sweep's memory was deleted.
            key = hashlib.sha256(f"{key} after {run.id}".encode()).hexdigest()
            run = patiently(partial(self._make, request, key))
        return str(run.id)

    def _make(self, request: ImportRequest, key: str) -> FlowRun:
        name = f"{names.IMPORT_FLOW}/{self._server_name}"
        try:
            deployment = self._client.read_deployment_by_name(name)
        except ObjectNotFound as missing:
            raise UnexpectedFault(f"There is no deployment {name}.", advice="Run `make deploy`.") from missing
        queue = names.queue_of(bulk=request.bulk, station=self._station)
        user = request.on_behalf_of
        return self._client.create_flow_run_from_deployment(
            deployment.id,
            name=request.title,
            parameters={"request": request.model_dump(mode="json", exclude_defaults=True)},
            state=self._begins(user, queue),
            tags=[names.user_tag(user), names.server_tag(self._server_name), names.sweep_tag(self._sweep)],
            idempotency_key=key,
            work_queue_name=queue,
        )

    def _begins(self, user: str, queue: str) -> State[None]:
        """As at the door: at most so many of a user's imports stand in line, the others wait for these."""
        now = datetime.now(UTC)
        if in_line(self._client, self._server_name, user, queue) < self._server.runs_per_user:
            return Scheduled(scheduled_time=now)
        message = f"Waits until an earlier import of {user} has ended."
        return Scheduled(name=names.HELD, scheduled_time=now + names.HELD_FOR, message=message)

    def _seen(self, run: FlowRun, since: float) -> RunSeen:
        state = run.state
        over = state is not None and state.is_final() and not state.is_crashed()
        if state is None or not over:
            return RunSeen(run_id=str(run.id), over=False)
        if state.timestamp.timestamp() < since:
            return RunSeen(run_id=str(run.id), over=True, news=False)
        statuses = patiently(lambda: self._statuses(run.id))
        return RunSeen(
            run_id=str(run.id),
            over=True,
            message=state.message or "",
            filesets={each.key: each for each in statuses},
        )

    def _statuses(self, run_id: UUID) -> tuple[FilesetStatus, ...]:
        found = self._client.read_artifacts(
            artifact_filter=where.ArtifactFilter(
                key=where.ArtifactFilterKey(any_=[FILESETS]),
                flow_run_id=where.ArtifactFilterFlowRunId(any_=[run_id]),
            ),
            limit=1,
        )
        return _STATUSES.validate_python(found[0].data) if found else ()
