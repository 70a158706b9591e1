"""What cannot succeed ends in a clear failure that is listed and told, not in a loop; cancels are no failures."""

import pytest

from tests.faults.conftest import PATIENCE, Hurt
from tests.faults.fleet import Kind
from tests.faults.harm import Stage, caught

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("kind", "state"), [(Kind.POISON, "failed"), (Kind.MIXED, "partly_failed")], ids=str)
def test_a_damaged_file_fails_once_and_for_good(hurt: Hurt, kind: Kind, state: str) -> None:
    accepted = hurt.fleet.send(kind)

    assert hurt.outcome(accepted) == state
    assert hurt.listed(state, accepted)
    assert hurt.wrong_with(accepted) == []


@pytest.mark.thorough
def test_an_import_that_kills_its_process_each_time_is_given_up(hurt: Hurt) -> None:
    accepted = hurt.fleet.send(Kind.SMALL)

    for _ in range(1 + hurt.settings.retries.crashes):
        with caught(hurt.scene, Stage.BEGUN, run=accepted.id, seconds=PATIENCE):
            hurt.machine.kill_flows(accepted.id)
        hurt.scene.upkeep.round()

    assert hurt.outcome(accepted) == "failed"
    assert hurt.listed("failed", accepted)
    assert hurt.wrong_with(accepted) == []


@pytest.mark.thorough
def test_a_deployment_whose_directory_is_missing_ends_in_the_list_of_failures_and_is_replayed(hurt: Hurt) -> None:
    with hurt.missing_directory():
        accepted = hurt.fleet.send(Kind.SMALL)

        assert hurt.outcome(accepted) == "failed"
    assert hurt.listed("failed", accepted)
    assert hurt.wrong_with(accepted) == []

    assert hurt.fleet.retry(accepted)

    assert hurt.outcome(accepted) == "completed"
    assert hurt.wrong_with(accepted) == []


def test_a_cancel_in_the_midst_of_an_upload_leaves_nothing(hurt: Hurt) -> None:
    accepted = hurt.fleet.send(Kind.CANCELLED)
    with caught(hurt.scene, Stage.DURING, run=accepted.id, after=1, seconds=PATIENCE):
        hurt.fleet.cancel(accepted)

    assert hurt.outcome(accepted) == "cancelled"
    assert hurt.wrong_with(accepted) == []
