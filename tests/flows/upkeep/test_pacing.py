"""An OMERO that has trouble gets fewer imports at a time, then more again; what its operator wants is not forgotten."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate

from flows.core.names import BULK, pace_name, pool_of
from flows.core.settings import OmeroServer, Settings, Upkeep
from flows.upkeep import notes
from flows.upkeep.pacing import STRAINED, keep_pace, next_limit
from tests.flows.upkeep.conftest import SERVER, Make
from tests.support.courier import eventually
from tests.support.understudy import Understudy

pytestmark = pytest.mark.timeout(180)
POOL = pool_of(SERVER)


class Pool:
    """The pool with its limits, as its operator sees it in the UI."""

    def __init__(self, prefect: SyncPrefectClient) -> None:
        self._prefect = prefect

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Of the pool and of its bulk queue."""
        return self._prefect.read_work_pool(POOL).concurrency_limit, self._bulk().concurrency_limit

    def set(self, limit: int, bulk: int | None = None) -> None:
        self._prefect.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=limit))
        if bulk is not None:
            self._prefect.update_work_queue(self._bulk().id, concurrency_limit=bulk)

    def _bulk(self) -> Any:
        return self._prefect.read_work_queue_by_name(BULK, work_pool_name=POOL)


@pytest.fixture
def pool(prefect: SyncPrefectClient) -> Iterator[Pool]:
    """Eight imports at a time, seven of them bulk."""
    pool = Pool(prefect)
    notes.drop(prefect, pace_name(SERVER))
    before = pool.limits
    pool.set(8, 7)
    yield pool
    pool.set(*before)
    notes.drop(prefect, pace_name(SERVER))


@pytest.fixture
def rounds(prefect: SyncPrefectClient, engine: Settings, understudy: Understudy, pool: Pool) -> Callable[..., None]:
    """Make rounds, as far apart as they are in life."""
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port)

    def make(count: int = 1, *, slow_seconds: float = 60) -> None:
        upkeep = Upkeep(slow_seconds=slow_seconds, interval=5)
        for _ in range(count):
            keep_pace(prefect, engine.model_copy(update={"servers": {SERVER: server}, "upkeep": upkeep}))
            noted = notes.read(prefect, pace_name(SERVER)) or {}
            earlier = datetime.now(UTC) - timedelta(hours=1)
            notes.write(prefect, pace_name(SERVER), {**noted, "changed": earlier.isoformat()})

    return make


@pytest.mark.parametrize(
    ("limit", "wanted", "troubled", "next_one"),
    [
        pytest.param(8, 8, True, 4, id="half"),
        pytest.param(1, 8, True, 1, id="never none"),
        pytest.param(4, 8, False, 5, id="one more"),
        pytest.param(8, 8, False, 8, id="as many as the operator wants"),
        pytest.param(9, 8, False, 8, id="and no more"),
    ],
)
def test_how_many_a_server_gets_next(limit: int, wanted: int, troubled: bool, next_one: int) -> None:
    assert next_limit(limit, wanted, troubled=troubled) == next_one


def test_a_slow_omero_gets_fewer_and_then_more_again(pool: Pool, rounds: Callable[..., None], run: Make) -> None:
    run("spr")

    rounds(2, slow_seconds=1e-9)
    assert pool.limits == (2, 1)

    rounds(3)
    assert pool.limits == (5, 4)

    rounds(9)
    assert pool.limits == (8, 7)


def test_a_limit_that_an_operator_sets_meanwhile_is_what_is_wanted_now(
    pool: Pool, rounds: Callable[..., None], run: Make
) -> None:
    run("spr")
    rounds(2, slow_seconds=1e-9)

    pool.set(3)
    rounds(3)

    assert pool.limits == (3, 2)


def test_the_bulk_queue_keeps_step_with_what_the_operator_wants(pool: Pool, rounds: Callable[..., None]) -> None:
    rounds()

    pool.set(12)
    rounds()

    assert pool.limits == (12, 11)


def test_a_bulk_limit_of_the_operators_own_stays(pool: Pool, rounds: Callable[..., None], run: Make) -> None:
    run("spr")
    pool.set(8, 2)

    rounds(slow_seconds=1e-9)

    assert pool.limits == (4, 2)


def test_two_rounds_at_once_halve_it_once(
    pool: Pool, prefect: SyncPrefectClient, engine: Settings, understudy: Understudy, run: Make
) -> None:
    run("spr")
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port)
    here = engine.model_copy(update={"servers": {SERVER: server}, "upkeep": Upkeep(slow_seconds=1e-9)})

    keep_pace(prefect, here)
    keep_pace(prefect, here)

    assert pool.limits == (4, 3)


def test_a_paused_pool_is_left_alone(pool: Pool, rounds: Callable[..., None], prefect: SyncPrefectClient) -> None:
    prefect.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    rounds(slow_seconds=1e-9)
    prefect.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))

    assert pool.limits == (8, 7)


def test_an_omero_that_asked_imports_to_come_back_later_gets_fewer(
    pool: Pool, rounds: Callable[..., None], prefect: SyncPrefectClient
) -> None:
    def fewer() -> bool:
        resource = {"prefect.resource.id": f"courier.omero.{SERVER}"}
        event = {"id": str(uuid4()), "event": STRAINED, "occurred": datetime.now(UTC).isoformat(), "resource": resource}
        prefect.request("POST", "/events", json=[event]).raise_for_status()
        rounds()
        return pool.limits != (8, 7)

    eventually(fewer, "fewer imports at a time")
