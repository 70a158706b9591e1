"""Processes that are killed, or thought dead, at each stage of an import: it ends in OMERO, once."""

import pytest

from tests.faults.conftest import PATIENCE, Hurt
from tests.faults.fleet import Accepted, Kind
from tests.faults.harm import (
    Harm,
    Stage,
    caught,
    kill_machine,
    kill_worker,
    kill_worker_and_flows,
    suspend_flow,
)
from tests.faults.machine import until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

STAGES = (Stage.BEGUN, Stage.DURING, Stage.AFTER, Stage.READING, Stage.COMMITTED, Stage.NOTING)


@pytest.fixture(scope="module")
def killed(hurt: Hurt) -> dict[Stage, Accepted]:
    """An import for each stage, whose process was killed when it was there."""
    omero, accepted = hurt.machine.omero, {}
    for stage in STAGES:
        accepted[stage] = hurt.fleet.send(Kind.SMALL)
        omero.hold(stage.value, agent=f"omero-courier/{accepted[stage].id}")
    # Each as soon as it is there: the call that is held would end by its time-out.
    until(lambda: kill_those_that_wait(hurt, accepted), PATIENCE, "each import is at its stage")
    omero.let_go()
    return accepted


def kill_those_that_wait(hurt: Hurt, accepted: dict[Stage, Accepted]) -> bool:
    """Kill the process of each import that is held, and tell whether it was all of them."""
    waiting = hurt.machine.omero.waiting()
    for stage, each in accepted.items():
        if stage.value in waiting:
            hurt.machine.kill_flows(each.id)
    return waiting.keys() >= {stage.value for stage in accepted}


@pytest.mark.parametrize("stage", STAGES, ids=[stage.word for stage in STAGES])
def test_an_import_whose_process_is_killed_goes_on(hurt: Hurt, killed: dict[Stage, Accepted], stage: Stage) -> None:
    assert hurt.outcome(killed[stage]) == "completed"
    assert hurt.wrong_with(killed[stage]) == []


def test_an_import_lives_on_without_its_worker(hurt: Hurt) -> None:
    accepted = struck(hurt, kill_worker)

    assert hurt.outcome(accepted) == "completed"
    assert hurt.starts(accepted) == 1, hurt.told(accepted)
    assert hurt.wrong_with(accepted) == []


@pytest.mark.parametrize(
    "harm",
    [pytest.param(kill_worker_and_flows, marks=pytest.mark.thorough), kill_machine],
    ids=lambda harm: harm.__name__,
)
def test_an_import_goes_on_when_its_worker_died_with_it(hurt: Hurt, harm: Harm) -> None:
    accepted = struck(hurt, harm)

    assert hurt.outcome(accepted) == "completed"
    assert hurt.starts(accepted) == 2, hurt.told(accepted)
    assert hurt.wrong_with(accepted) == []


@pytest.mark.thorough
def test_a_process_that_was_thought_dead_wakes_up_and_does_no_harm(hurt: Hurt) -> None:
    accepted = struck(hurt, suspend_flow)

    assert hurt.outcome(accepted) == "completed"
    until(lambda: not hurt.machine.flows(accepted.id), PATIENCE, "it has noticed, and ended")
    assert hurt.starts(accepted) == 2, hurt.told(accepted)
    assert hurt.wrong_with(accepted) == []


def struck(hurt: Hurt, harm: Harm) -> Accepted:
    """Do harm in the midst of an upload."""
    accepted = hurt.fleet.send(Kind.LARGE)
    with caught(hurt.scene, Stage.DURING, run=accepted.id, after=1, seconds=PATIENCE):
        harm(hurt.scene)
    hurt.machine.heal()
    return accepted
