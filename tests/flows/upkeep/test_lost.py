"""Runs whose process is gone are found, by their silence or by the processes of a host, and nobody else's are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.upkeep.lost import HEARTBEAT, end_cancelled_without_process, heard, lost_on_host, mark_lost
from flows.upkeep.rounds import unbroken
from tests.flows.upkeep.conftest import HOST, NOBODY, Make
from tests.support.courier import eventually

pytestmark = pytest.mark.timeout(180)
Seen = Callable[[UUID], FlowRun]


def beat(prefect: SyncPrefectClient, run: UUID) -> None:
    """Give a sign of life as Prefect's engine does."""
    resource = {"prefect.resource.id": f"prefect.flow-run.{run}"}
    event = {"id": str(uuid4()), "event": HEARTBEAT, "occurred": datetime.now(UTC).isoformat(), "resource": resource}
    prefect.request("POST", "/events", json=[event]).raise_for_status()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    eventually(lambda: heard(prefect, run, long_ago), "Prefect has written the event down")


@pytest.mark.parametrize(
    ("letters", "becomes"),
    [
        pytest.param("sp", "CRASHED", id="before it ran"),
        pytest.param("spr", "CRASHED", id="while it ran"),
        pytest.param("sprg", "CANCELLED", id="while it was being cancelled"),
    ],
)
def test_a_silent_run_is_ended(letters: str, becomes: str, run: Make, seen: Seen, prefect: SyncPrefectClient) -> None:
    lost = run(letters)

    assert mark_lost(prefect, silence=0, run_ids=[lost]) == [lost]

    assert seen(lost).state.type.value == becomes


@pytest.mark.parametrize("letters", ["s", "h", "sprc", "sprf", "sprx", "sk"])
def test_a_run_that_needs_no_process_is_left_alone(
    letters: str, run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    before = seen(run(letters))

    assert mark_lost(prefect, silence=0, run_ids=[before.id]) == []

    assert seen(before.id).state.id == before.state.id


def test_a_run_that_changed_of_late_is_not_silent(run: Make, prefect: SyncPrefectClient) -> None:
    fresh = run("spr")

    assert mark_lost(prefect, silence=90, run_ids=[fresh]) == []


def test_a_run_whose_heart_beats_is_not_silent(run: Make, prefect: SyncPrefectClient) -> None:
    alive, silent = run("spr"), run("spr")
    changed = prefect.read_flow_run(silent).state.timestamp
    beat(prefect, alive)
    silence = (datetime.now(UTC) - changed).total_seconds()

    assert mark_lost(prefect, silence=silence, run_ids=[alive, silent]) == [silent]


def test_looking_twice_ends_it_once(run: Make, prefect: SyncPrefectClient) -> None:
    lost = run("spr")
    mark_lost(prefect, silence=0, run_ids=[lost])

    assert mark_lost(prefect, silence=0, run_ids=[lost]) == []


@pytest.mark.parametrize(
    ("letters", "becomes"),
    [
        pytest.param("sg", "CANCELLED", id="new"),
        pytest.param("sprag", "CANCELLED", id="between two attempts"),
        pytest.param("sprg", "CANCELLING", id="while a process may have it"),
    ],
)
def test_what_was_cancelled_while_it_waited_is_cancelled_at_once(
    letters: str, becomes: str, run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    cancelled = run(letters)

    end_cancelled_without_process(prefect)

    assert seen(cancelled).state.type.value == becomes


@pytest.mark.parametrize(
    ("process", "becomes"),
    [
        pytest.param(f"{HOST}:{NOBODY}", "CRASHED", id="gone"),
        pytest.param(f"{HOST}:17", "RUNNING", id="alive"),
        pytest.param(f"other-host:{NOBODY}", "RUNNING", id="elsewhere"),
        pytest.param(None, "RUNNING", id="unknown"),
    ],
)
def test_a_worker_that_starts_ends_what_died_on_its_host(
    process: str | None, becomes: str, run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    found = run("spr")
    prefect.update_flow_run(found, infrastructure_pid=process)

    lost_on_host(prefect, HOST, lambda _, pid: pid == 17)

    assert seen(found).state.type.value == becomes


def test_a_run_that_is_being_started_is_not_judged_by_the_process_before(
    run: Make, seen: Seen, prefect: SyncPrefectClient
) -> None:
    starting = run("sprap")
    prefect.update_flow_run(starting, infrastructure_pid=f"{HOST}:{NOBODY}")

    lost_on_host(prefect, HOST, lambda *_: False)

    assert seen(starting).state.is_pending()


@pytest.mark.parametrize(
    ("ages", "told"),
    [
        pytest.param([], False, id="this is the first round"),
        pytest.param([60], False, id="there was a round, but not that long ago"),
        pytest.param([120, 60], True, id="a round each minute"),
        pytest.param([600, 60], False, id="nobody listened for nine minutes"),
        pytest.param([120], False, id="the last round is long ago"),
        pytest.param([150, 90, 30], True, id="all the time"),
    ],
)
def test_silence_counts_only_while_somebody_listens(ages: list[int], told: bool) -> None:
    now = datetime.now(UTC)
    starts = [now - timedelta(seconds=age) for age in ages]

    assert unbroken(starts, now, silence=timedelta(seconds=90), gap=timedelta(seconds=90)) is told
