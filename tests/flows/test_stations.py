"""Prefect gives each worker the runs of its own queues, under the one limit of the pool."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running, Scheduled

from deployments.deploy import deploy
from deployments.plan import plan
from deployments.worker.process_worker import CourierWorker
from flows.core import names
from flows.core.settings import OmeroServer, Root, Settings

SERVER = "stations"
SETTINGS = Settings(
    servers={SERVER: OmeroServer(host="omero.example.org", runs=2)},
    roots={name: Root(path="/acquired", everyone=True, station=name) for name in ("one", "two")},
    seal_keys=(Fernet.generate_key().decode(),),
)
POOL = names.pool_of(SERVER)


@pytest.fixture(scope="module", autouse=True)
def deployed(engine: None) -> None:
    asyncio.run(deploy(SETTINGS))


@pytest.fixture
def line() -> Iterator[list[FlowRun]]:
    """One run of each queue."""
    made = asyncio.run(_make())
    yield made
    asyncio.run(_forget(made))


async def _make() -> list[FlowRun]:
    request = {"sources": ["/acquired/a.tif"], "on_behalf_of": "alice"}
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"import-images/{SERVER}")
        return [
            await client.create_flow_run_from_deployment(
                deployment.id,
                parameters={"request": request},
                state=Scheduled(),
                work_queue_name=names.queue_of(bulk=bulk, station=station),
                idempotency_key=uuid.uuid4().hex,
            )
            for station in (None, "one", "two")
            for bulk in (True, False)
        ]


async def _forget(runs: list[FlowRun]) -> None:
    async with get_client() as client:
        for run in runs:
            await client.delete_flow_run(run.id)


async def _offered(station: str | None, line: list[FlowRun]) -> list[str | None]:
    """Name the queues of what Prefect offers a worker, in order."""
    queues = {run.id: run.work_queue_name for run in line}
    worker = CourierWorker(POOL, f"worker-{station}", 4, lambda: False, station=station)
    async with worker:
        if not await worker._knows_its_queues():
            return []
        return [queues[each.flow_run.id] for each in await worker._get_scheduled_flow_runs()]


@pytest.mark.parametrize(
    ("station", "queues"),
    [
        (None, ["people", "bulk"]),
        ("one", ["people-one", "bulk-one"]),
        ("two", ["people-two", "bulk-two"]),
        ("three", []),
    ],
)
def test_a_worker_is_offered_what_its_machine_sees_people_first(
    line: list[FlowRun], station: str | None, queues: list[str]
) -> None:
    assert asyncio.run(_offered(station, line)) == queues


def test_what_runs_anywhere_counts_against_the_one_limit(line: list[FlowRun]) -> None:
    async def with_places_taken(taken: int) -> list[list[str | None]]:
        async with get_client() as client:
            for run in line[:taken]:
                await client.set_flow_run_state(run.id, Pending(), force=True)
                await client.set_flow_run_state(run.id, Running(), force=True)
        return [await _offered(station, line) for station in ("two", None)]

    assert asyncio.run(with_places_taken(1)) == [["people-two"], ["people"]]
    assert asyncio.run(with_places_taken(3)) == [[], []]


def test_each_workstation_gets_two_queues_of_each_pool() -> None:
    queues = [(each.name, each.limit) for each in plan(SETTINGS).pools[0].queues]

    assert queues[:2] == [("people", None), ("bulk", 1)]
    assert sorted(queues[2:]) == [("bulk-one", 1), ("bulk-two", 1), ("people-one", None), ("people-two", None)]


@pytest.mark.parametrize("station", [None, "one", "a-b", "bulk"])
@pytest.mark.parametrize("bulk", [True, False])
def test_a_queue_says_whose_it_is(station: str | None, bulk: bool) -> None:
    queue = names.queue_of(bulk=bulk, station=station)

    assert (names.is_bulk(queue), names.station_of(queue), names.is_line(queue)) == (bulk, station, True)


def test_other_queues_are_nobodys() -> None:
    assert [names.station_of(each) for each in ("default", "urgent", "rounds", None)] == [None] * 4
    assert not names.is_line("default")
