"""What took long, and what is left when all is quiet. Comes last, since everything before has its part in it."""

import signal

import pytest

from tests.faults.conftest import PATIENCE, Hurt
from tests.faults.holdings import holdings
from tests.faults.judge import Verdict, debris, judge_contents, leaks
from tests.faults.machine import until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400)]


def test_an_import_whose_process_hangs_is_found_by_its_silence_alone(hurt: Hurt) -> None:
    assert hurt.outcome(hurt.asleep, by_hand=False) == "completed"

    for process in hurt.machine.flows(hurt.asleep.id):
        process.send_signal(signal.SIGCONT)
    until(lambda: not hurt.machine.flows(hurt.asleep.id), PATIENCE, "what hung has woken up, noticed, and ended")
    assert hurt.wrong_with(hurt.asleep) == []


def test_a_lock_whose_holder_was_killed_comes_free(hurt: Hurt) -> None:
    assert hurt.outcome(hurt.locking) == "completed"
    assert hurt.wrong_with(hurt.locking) == []


def test_nothing_is_taken_when_all_is_quiet(hurt: Hurt) -> None:
    assert leaks(hurt.machine, {each.id for each in hurt.fleet.accepted}) == []


def test_no_debris_is_left(hurt: Hurt) -> None:
    assert debris(hurt.machine, holdings(hurt.machine.running)) == []


def test_no_content_is_there_more_often_than_was_asked_for(hurt: Hurt) -> None:
    verdict = Verdict()

    judge_contents(hurt.fleet.accepted, holdings(hurt.machine.running), verdict)

    assert verdict.doubled == []
