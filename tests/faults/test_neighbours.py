"""Neighbours that die, hang, refuse and forget in the midst of an upload: the import ends in OMERO, once."""

from collections.abc import Mapping

import pytest

from tests.faults import harm
from tests.faults.conftest import PATIENCE, Hurt
from tests.faults.fleet import Accepted, Kind
from tests.faults.harm import Harm, Stage, caught
from tests.faults.machine import until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

OFTEN: Mapping[str, Harm] = {
    "Prefect is away": harm.prefect_away,
    "OMERO freezes": harm.omero_frozen,
    "OMERO forgets all sessions": harm.omero_forgets,
}
SELDOM: Mapping[str, Harm] = {
    "PostgreSQL dies": harm.kill_database,
    "the Prefect server dies": harm.kill_prefect,
    "Prefect comes back while the worker dies": harm.kill_prefect_and_workers,
    "OMERO dies": harm.kill_omero,
    "OMERO's disk is full": harm.omero_disk_full,
    "OMERO drops connections": harm.omero_drops,
    "OMERO refuses": harm.omero_refuses,
    "the worker hangs": harm.suspend_worker,
    "the worker is stopped": harm.stop_worker,
    "the mail server is down": harm.mail_away,
}


@pytest.fixture(scope="module")
def survivors(hurt: Hurt) -> dict[str, Accepted]:
    """An import for each kind of harm that is always tried."""
    return survive(hurt, OFTEN)


@pytest.fixture(scope="module")
def further_survivors(hurt: Hurt) -> dict[str, Accepted]:
    """An import for each of the others."""
    return survive(hurt, SELDOM)


def survive(hurt: Hurt, harms: Mapping[str, Harm]) -> dict[str, Accepted]:
    """Do harm in the midst of one import each; the next does not wait until the one before has recovered."""
    accepted = {}
    for name, harm_done in harms.items():
        accepted[name] = hurt.fleet.send(Kind.LARGE)
        with caught(hurt.scene, Stage.DURING, run=accepted[name].id, after=1, seconds=PATIENCE):
            harm_done(hurt.scene)
        hurt.machine.heal()
    return accepted


@pytest.mark.parametrize("name", OFTEN)
def test_an_import_goes_on_although(hurt: Hurt, survivors: dict[str, Accepted], name: str) -> None:
    assert hurt.outcome(survivors[name]) == "completed"
    assert hurt.wrong_with(survivors[name]) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", SELDOM)
def test_an_import_goes_on_also_when(hurt: Hurt, further_survivors: dict[str, Accepted], name: str) -> None:
    assert hurt.outcome(further_survivors[name]) == "completed"
    assert hurt.wrong_with(further_survivors[name]) == []


@pytest.mark.thorough
def test_an_import_waits_for_its_share_to_come_back(hurt: Hurt) -> None:
    accepted = hurt.fleet.send(Kind.LARGE)
    with caught(hurt.scene, Stage.BEGUN, run=accepted.id, seconds=PATIENCE), harm.without_share(hurt.scene, "alice"):
        hurt.machine.omero.let_go()
        until(lambda: hurt.states(accepted)[-1] != "RUNNING", PATIENCE, "it has given its place back")

    assert hurt.outcome(accepted) == "completed"
    assert hurt.wrong_with(accepted) == []


@pytest.mark.thorough
def test_a_source_that_changes_while_it_is_read_comes_in_as_it_is_in_the_end(hurt: Hurt) -> None:
    accepted = hurt.fleet.send(Kind.LARGE)
    with caught(hurt.scene, Stage.DURING, run=accepted.id, after=1, seconds=PATIENCE):
        harm.change_source(accepted)
    accepted.wanted[0].sha1s.pop(0)

    assert hurt.outcome(accepted) == "completed"
    assert hurt.wrong_with(accepted) == []


@pytest.mark.thorough
def test_an_import_waits_for_room_in_the_staging_area(hurt: Hurt) -> None:
    with harm.no_room(hurt.machine):
        accepted = hurt.fleet.send(Kind.STAGED)
        until(lambda: hurt.fleet.refresh(accepted).state == "waiting_to_retry", PATIENCE, "it waits for room")

    assert hurt.outcome(accepted) == "completed"
    assert hurt.wrong_with(accepted) == []
