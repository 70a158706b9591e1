"""A round does what it can: nothing keeps it from the rest, and too many do not pile up."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Running, Scheduled

from flows.core import names
from flows.core.settings import Settings
from flows.housekeeping import done, verdict
from flows.upkeep.rounds import ENOUGH, crowded, forget_missed_rounds

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def a_round(prefect: SyncPrefectClient) -> Iterator[Callable[..., UUID]]:
    """Plan a round, and begin it at once if it is not for later."""
    deployment = prefect.read_deployment_by_name(f"{names.HOUSEKEEPING_FLOW}/{names.COURIER_DEPLOYMENT}").id
    made = []

    def make(*, due_in: timedelta | None = None) -> UUID:
        state = Scheduled(scheduled_time=datetime.now(UTC) + (due_in or timedelta()))
        made.append(prefect.create_flow_run_from_deployment(deployment, state=state).id)
        if due_in is None:
            prefect.set_flow_run_state(made[-1], Running(), force=True)
        return made[-1]

    yield make
    for each in made:
        if there(prefect, each):
            prefect.set_flow_run_state(each, Completed(), force=True)


def there(prefect: SyncPrefectClient, run: UUID) -> bool:
    try:
        prefect.read_flow_run(run)
    except ObjectNotFound:
        return False
    return True


def test_a_duty_that_fails_is_logged_and_named(
    prefect: SyncPrefectClient, engine: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def water_the_plants(*_: object) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        assert not done(water_the_plants, prefect, engine)

    assert "water_the_plants failed" in caplog.text
    assert verdict(["water the plants"]).message.startswith("Not done: water the plants.")


def test_a_round_in_which_all_was_done_is_completed(prefect: SyncPrefectClient, engine: Settings) -> None:
    assert done(lambda *_: None, prefect, engine)
    assert verdict([]).is_completed()


def test_rounds_do_not_pile_up(prefect: SyncPrefectClient, a_round: Callable[..., UUID]) -> None:
    for _ in range(ENOUGH):
        a_round()
    assert not crowded(prefect)

    a_round()

    assert crowded(prefect)


@pytest.mark.parametrize(
    ("due_in", "stays"), [(timedelta(minutes=-1), False), (timedelta(minutes=1), True)], ids=["missed", "to come"]
)
def test_missed_rounds_are_made_up_for_by_one(
    due_in: timedelta, stays: bool, prefect: SyncPrefectClient, engine: Settings, a_round: Callable[..., UUID]
) -> None:
    planned = a_round(due_in=due_in)

    forget_missed_rounds(prefect, engine)

    assert there(prefect, planned) is stays
