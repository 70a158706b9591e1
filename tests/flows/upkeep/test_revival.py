"""A run whose process was lost starts again by itself, but not for ever."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType

from flows.core.names import TOLD
from flows.core.settings import Retries
from flows.upkeep.revival import revive, what_becomes
from tests.flows.upkeep.conftest import LETTERS, Make

pytestmark = pytest.mark.timeout(180)
RETRIES = Retries(crashes=3, crash_seconds=10)
Seen = Callable[[UUID], FlowRun]


@pytest.mark.parametrize(
    ("letters", "becomes"),
    [
        pytest.param("sprx", "Revived", id="lost while it ran"),
        pytest.param("spx", "Revived", id="lost before it ran"),
        pytest.param("spxvpxvpx", "Revived", id="the third time"),
        pytest.param("spxvpxvpxvpx", "Failed", id="the fourth time"),
        pytest.param("spxvpxvpxvpxfsprx", "Revived", id="once more since a person retried it"),
        pytest.param("sprgx", "Cancelled", id="lost while it was being cancelled"),
    ],
)
def test_what_becomes_of_a_lost_run(letters: str, becomes: str) -> None:
    steps = [(kind.value, name) for kind, name in (LETTERS[each] for each in letters)]

    assert what_becomes(steps, RETRIES).name == becomes


@pytest.mark.parametrize(("letters", "seconds"), [("spx", 10), ("spxvpx", 20), ("spxvpxvpx", 40)])
def test_it_waits_twice_as_long_each_time(letters: str, seconds: int) -> None:
    steps = [(kind.value, name) for kind, name in (LETTERS[each] for each in letters)]

    due = what_becomes(steps, RETRIES).state_details.scheduled_time

    assert seconds - 2 < (due - datetime.now(UTC)).total_seconds() <= seconds


def test_a_run_whose_deployment_is_gone_fails() -> None:
    steps = [(kind.value, name) for kind, name in (LETTERS[each] for each in "spx")]

    assert what_becomes(steps, RETRIES, startable=False).name == "Failed"


def test_two_rounds_at_once_revive_a_run_once(run: Make, seen: Seen, prefect: SyncPrefectClient) -> None:
    lost = seen(run("sprx"))
    revive(prefect, lost, RETRIES)
    revived = seen(lost.id)

    revive(prefect, lost, RETRIES)

    assert revived.state.name == "Revived"
    assert seen(lost.id).state.id == revived.state.id


def test_a_run_that_is_given_up_says_what_to_do_and_is_told_of(
    run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    lost = seen(run("spx", tags=(TOLD,)))

    revive(prefect, lost, RETRIES.model_copy(update={"crashes": 0}))

    ended = seen(lost.id)
    assert ended.state.type.value == "FAILED"
    assert "lost once" in ended.state.message
    assert "retry it" in ended.state.message
    assert TOLD not in ended.tags


def test_a_revived_run_is_cancelled_at_once_since_it_has_no_process(
    run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    lost = run("sprx")
    prefect.request("PATCH", "/flow_runs/{id}", path_params={"id": lost}, json={"infrastructure_pid": "there:1"})
    revive(prefect, seen(lost), RETRIES)

    prefect.set_flow_run_state(lost, State(type=StateType.CANCELLING))

    assert seen(lost).state.type is StateType.CANCELLED
