"""Requests to the running sandbox: how long until one is accepted, and until its first stage runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.states import Scheduled
from pydantic import SecretStr

from deployments.sandbox.environment import SERVER
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core.omero_client import join, log_in
from flows.core.requests import ImportRequest
from flows.core.settings import OmeroServer
from tests.bench.figures import Figure, Sizes, interleaved, seconds
from tests.bench.rigs import wait_for

USER = "alice"
TARGET = "Dataset:name:Bench"
BARE, TOKEN, SESSION, OMERO = "bare Prefect call", "API token", "OMERO session", "OMERO's own time"
WARM_UP = 5


class Doors:
    """The API, and Prefect behind it, each with a connection that stays open."""

    def __init__(self, running: Running) -> None:
        self._image = str(make_small_ome_tiff(running.home.shares / USER / "request.ome.tiff"))
        self._omero = OmeroServer(host=running.omero_host, port=running.omero_ssl_port)
        self._api = httpx.Client(base_url=running.api, trust_env=False, timeout=60)
        self.prefect = SyncPrefectClient(f"{running.prefect}/api")
        self.deployment = self.prefect.read_deployment_by_name(f"import-images/{SERVER}").id
        self._token = running.token
        login = {"user": USER, "password": running.logins[USER]}
        self._handle = self._api.post("/v1/sessions", json=login).raise_for_status().json()["token"]
        self._held = log_in(self._omero, USER, SecretStr(running.logins[USER]))

    def by_token(self, not_before: datetime | None) -> UUID:
        """Post as a machine does."""
        return self._post(self._token, {"on_behalf_of": USER}, not_before)

    def by_session(self, not_before: datetime) -> UUID:
        """Post as a person does who has logged in."""
        return self._post(self._handle, {}, not_before)

    def bare(self, not_before: datetime) -> UUID:
        """Make the same run without the API."""
        request = ImportRequest(sources=[self._image], target=TARGET, on_behalf_of=USER)
        run = self.prefect.create_flow_run_from_deployment(
            self.deployment,
            name=request.title,
            parameters={"request": request.model_dump(mode="json", exclude_defaults=True)},
            state=Scheduled(scheduled_time=not_before),
            tags=[f"user:{USER}", f"server:{SERVER}"],
            idempotency_key=uuid4().hex,
        )
        return run.id

    def visit_omero(self) -> None:
        """What proving a session costs in OMERO: join it, leave it."""
        join(self._omero, self._held.key).close()

    def _post(self, bearer: str, more: dict[str, str], not_before: datetime | None) -> UUID:
        body = {"sources": [self._image], "target": TARGET, **more}
        if not_before is not None:
            body["not_before"] = not_before.isoformat()
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": uuid4().hex}
        answer = self._api.post("/v1/imports", json=body, headers=headers)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return UUID(answer.json()["id"])

    def close(self) -> None:
        """Leave."""
        self._held.close()
        self._api.close()
        self.prefect.__exit__(None, None, None)


def measure(sizes: Sizes, running: Running) -> Iterator[Figure]:
    """Acceptance of imports that start in ten days, then of some that start at once."""
    doors = Doors(running)
    later = datetime.now(UTC) + timedelta(days=10)
    contenders = {
        BARE: lambda: seconds(lambda: doors.bare(later)),
        TOKEN: lambda: seconds(lambda: doors.by_token(later)),
        SESSION: lambda: seconds(lambda: doors.by_session(later)),
        OMERO: lambda: seconds(doors.visit_omero),
    }
    interleaved(WARM_UP, contenders)
    took = {
        name: [value * 1000 for value in values] for name, values in interleaved(sizes.requests, contenders).items()
    }
    middle = {name: median(values) for name, values in took.items()}
    by_token = {name: took[name] for name in (BARE, TOKEN)}
    by_session = {name: took[name] for name in (BARE, SESSION, OMERO)}
    yield Figure("requests: accepted by API token", middle[TOKEN] / middle[BARE], "x", None, 1.5, by_token, "ms")
    net = middle[SESSION] - middle[OMERO]
    yield Figure("requests: accepted by OMERO session", net / middle[BARE], "x", None, 2.5, by_session, "ms")
    starts = [first_stage(doors) for _ in range(sizes.triggers)]
    yield Figure("requests: until the first stage runs", median(starts), "s", None, 4.0, {"each": starts})
    doors.close()


def first_stage(doors: Doors) -> float:
    """Return the seconds from sending a request until its first task run began; lets the import end."""
    sent = datetime.now(UTC)
    run_id = doors.by_token(None)
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))

    def over() -> bool | None:
        state = doors.prefect.read_flow_run(run_id).state
        return True if state is not None and state.is_final() else None

    wait_for(over, "an import of one image", every=0.5)

    def began() -> datetime | None:
        runs = doors.prefect.read_task_runs(flow_run_filter=wanted)
        return min((run.start_time for run in runs if run.start_time is not None), default=None)

    return (wait_for(began, "the record of its first stage") - sent).total_seconds()
