"""Which work pools, queues, limits and deployments the settings ask for: pure, writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import Flow

from flows.core import names
from flows.core.mounts import stations
from flows.core.settings import OmeroServer, Settings, Sweeps
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.loading import load_sweeps, server_of
from flows.housekeeping import housekeeping
from flows.import_images import import_images
from flows.put_away import put_away
from flows.send_message import send_message
from flows.sweep_folders import sweep_folders

HEARTBEAT_SECONDS = 30
MESSAGES_AT_A_TIME = 3
LOCKS = tuple(names.lock_name(stripe) for stripe in range(names.STRIPES))


@dataclass(frozen=True)
class PlannedQueue:
    """A line of a work pool."""

    name: str
    priority: int
    """The lower number goes first."""
    limit: int | None = None
    """Runs at a time, when the queue is made."""


@dataclass(frozen=True)
class PlannedPool:
    """A work pool as the settings ask for it."""

    name: str
    description: str
    limit: int | None
    """Runs at a time; a zombie counts until it is found."""
    queues: tuple[PlannedQueue, ...]


@dataclass(frozen=True)
class PlannedDeployment:
    """A deployment as the settings ask for it."""

    flow: Flow[..., Any]
    module: str
    """The file that the flow stands in, without its ending."""
    name: str
    pool: str
    queue: str
    tags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Of its runs, besides what all of them get."""
    every: float | None = None
    """Seconds from one scheduled run to the next."""
    cron: str | None = None
    """Or the times of a cron line."""
    timezone: str = "UTC"
    """Of the cron line."""
    active: bool = True
    """Whether the schedule makes runs."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What a run is given that is told nothing else."""
    description: str = ""
    """For people; left out: the flow's own."""

    @property
    def full_name(self) -> str:
        """As Prefect and the API name it."""
        return f"{self.flow.name}/{self.name}"

    @property
    def entrypoint(self) -> str:
        """Where the worker finds the flow."""
        return f"{self.module}.py:{self.module.rpartition('/')[2]}"

    @property
    def job_variables(self) -> dict[str, Any]:
        """One process per run instead of two, heartbeats that show a lost one soon, and our lines in its log."""
        return {
            "command": "python -m prefect.engine",
            "env": {
                **self.environment,
                "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
                "PREFECT_LOGGING_EXTRA_LOGGERS": "flows",
                "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
            },
        }


@dataclass(frozen=True)
class Plan:
    """Everything that is written to Prefect."""

    pools: tuple[PlannedPool, ...]
    deployments: tuple[PlannedDeployment, ...]
    locks: tuple[str, ...] = LOCKS
    """Global concurrency limits of 1."""


def plan(settings: Settings) -> Plan:
    """Say what the settings, and the sweep definitions that they name, ask for.

    Raises:
        RequestError: a sweep definition is at fault.
    """
    sweeps = load_sweeps(settings.sweeps.folder, settings) if settings.sweeps.folder is not None else {}
    imports = [_imports_into(name) for name in settings.servers]
    return Plan(
        pools=(
            *(_pool_of(name, server, sorted(stations(settings))) for name, server in settings.servers.items()),
            _couriers_own(settings.sweeps),
        ),
        deployments=(
            *imports,
            *map(_put_away_after, imports),
            PlannedDeployment(
                housekeeping,
                "flows/housekeeping",
                names.COURIER_DEPLOYMENT,
                names.COURIER_POOL,
                names.ROUNDS,
                every=settings.upkeep.interval,
            ),
            PlannedDeployment(
                send_message, "flows/send_message", names.COURIER_DEPLOYMENT, names.COURIER_POOL, names.MESSAGES
            ),
            *_sweeps(sweeps, settings),
        ),
        locks=(*LOCKS, *map(names.sweep_lock, sweeps)),
    )


def _sweeps(sweeps: Mapping[str, SweepDefinition], settings: Settings) -> tuple[PlannedDeployment, ...]:
    return tuple(
        PlannedDeployment(
            sweep_folders,
            "flows/sweep_folders",
            name,
            names.COURIER_POOL,
            names.SWEEPS,
            tags=(names.server_tag(server_of(each, settings)),),
            every=each.schedule.every_minutes * 60 if each.schedule.every_minutes is not None else None,
            cron=each.schedule.cron,
            timezone=each.schedule.timezone,
            active=each.active,
            parameters={"sweep": name, "dry_run": False},
            description=each.description or f"Has what is new and settled in {each.root} imported.",
        )
        for name, each in sweeps.items()
    )


def _pool_of(server: str, settings: OmeroServer, stations: Sequence[str]) -> PlannedPool:
    """The one limit is that of all queues together, those of workstations included."""
    return PlannedPool(
        name=names.pool_of(server),
        description=f"Imports into the OMERO server {server}: who waits, waits here, in order.",
        limit=settings.runs,
        queues=(
            PlannedQueue(names.PEOPLE, 1),
            PlannedQueue(names.BULK, 2, limit=max(1, settings.runs - 1)),
            *(PlannedQueue(names.queue_of(bulk=False, station=each), 3) for each in stations),
            *(PlannedQueue(names.queue_of(bulk=True, station=each), 3 + len(stations), limit=1) for each in stations),
        ),
    )


def _couriers_own(sweeps: Sweeps) -> PlannedPool:
    """A limit of the pool would be a trap: lost runs that fill it keep out the round that would find them."""
    return PlannedPool(
        name=names.COURIER_POOL,
        description="Housekeeping, messages that could not be sent at once, and sweeps.",
        limit=None,
        queues=(
            PlannedQueue(names.ROUNDS, 1),
            PlannedQueue(names.MESSAGES, 2, limit=MESSAGES_AT_A_TIME),
            PlannedQueue(names.SWEEPS, 3, limit=sweeps.runs),
        ),
    )


def _put_away_after(imports: PlannedDeployment) -> PlannedDeployment:
    """Looks after the files of imports later: on the workers that imported them, since these see the files."""
    return replace(
        imports,
        flow=put_away,
        module="flows/put_away",
        name=names.put_away_deployment(imports.name),
        queue=names.BULK,
        description="",
        parameters={},
    )


def _imports_into(server: str) -> PlannedDeployment:
    return PlannedDeployment(
        import_images,
        "flows/import_images",
        server,
        names.pool_of(server),
        names.PEOPLE,
        tags=(names.server_tag(server),),
        environment={"COURIER_SERVER": server},
    )
