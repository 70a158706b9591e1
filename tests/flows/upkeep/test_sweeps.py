"""Sweeps that were missed are made up for by one, and the latest report of each folder is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Scheduled

from flows.core.names import SWEEP_FLOW, UNDER_WAY
from flows.core.settings import Settings
from flows.upkeep import cleaning
from flows.upkeep.cleaning import forget_old_runs
from flows.upkeep.rounds import BY_ITSELF, forget_missed_sweeps

pytestmark = pytest.mark.timeout(180)
Sweep = Callable[..., UUID]


@pytest.fixture
def sweep(prefect: SyncPrefectClient) -> Sweep:
    """Make sweeps of one folder."""
    flow = prefect.create_flow_from_name(SWEEP_FLOW)
    deployment = prefect.create_deployment(flow_id=flow, name=f"test-{uuid4().hex[:8]}")

    def make(*, due_in: timedelta = timedelta(), by_hand: bool = False, ended: str | None = None) -> UUID:
        state = Scheduled(scheduled_time=datetime.now(UTC) + due_in)
        tags = [] if by_hand else [BY_ITSELF]
        made = prefect.create_flow_run_from_deployment(deployment, state=state, tags=tags).id
        if ended:
            prefect.set_flow_run_state(made, Completed(name=ended), force=True)
        return made

    return make


def left(prefect: SyncPrefectClient, *runs: UUID) -> list[bool]:
    """Which of them are there."""

    def there(run: UUID) -> bool:
        try:
            prefect.read_flow_run(run)
        except ObjectNotFound:
            return False
        return True

    return [there(each) for each in runs]


def test_of_missed_sweeps_of_a_folder_the_latest_is_made(
    sweep: Sweep, prefect: SyncPrefectClient, engine: Settings
) -> None:
    runs = [sweep(due_in=timedelta(minutes=minutes)) for minutes in (-3, -2, -1, 1)]

    forget_missed_sweeps(prefect, engine)

    assert left(prefect, *runs) == [False, False, True, True]


def test_a_sweep_that_a_person_asked_for_is_made(sweep: Sweep, prefect: SyncPrefectClient, engine: Settings) -> None:
    runs = [sweep(due_in=timedelta(minutes=-2), by_hand=True), sweep(due_in=timedelta(minutes=-1))]

    forget_missed_sweeps(prefect, engine)

    assert left(prefect, *runs) == [True, True]


def test_of_old_sweeps_the_latest_that_looked_is_kept(
    sweep: Sweep, prefect: SyncPrefectClient, engine: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "SWEEPS_KEPT", timedelta())
    runs = [sweep(ended=name) for name in ("Completed", "Completed", UNDER_WAY)]

    forget_old_runs(prefect, engine)

    assert left(prefect, *runs) == [False, True, False]
