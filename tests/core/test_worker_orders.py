"""Runs obey their worker: they wait, give their place back, and send no faster than they may. No second passes here."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from flows.core.errors import ImportCancelled, RunPutOff
from flows.core.settings import Worker
from flows.core.worker_orders import LOOK_SECONDS, Bucket, Gate, Orders, read_orders, write_orders
from tests.support.clock import NOON, Wound


@pytest.fixture
def clock() -> Wound:
    return Wound()


@pytest.fixture
def settings(tmp_path: Path) -> Worker:
    return Worker(orders=tmp_path / "worker.orders.json", drain_seconds=60, patience=30)


@pytest.fixture
def gate(settings: Worker, clock: Wound) -> Gate:
    return Gate(settings, clock=clock)


@pytest.fixture
def order(settings: Worker) -> Callable[..., None]:
    assert settings.orders
    return lambda **what: write_orders(settings.orders, Orders(**what))


def test_orders_are_read_as_they_were_written(tmp_path: Path) -> None:
    orders = Orders(draining=NOON, held="quiet hours", held_since=NOON, bytes_per_second=7)

    write_orders(tmp_path / "orders", orders)

    assert read_orders(tmp_path / "orders") == orders
    assert [each.name for each in tmp_path.iterdir()] == ["orders"]


def test_without_a_file_there_are_no_orders(tmp_path: Path) -> None:
    assert read_orders(tmp_path / "none") == Orders()


def test_a_run_without_a_worker_of_ours_goes_on(clock: Wound) -> None:
    gate = Gate(Worker(), clock=clock)

    gate.check()
    gate.between_filesets()
    gate.pace(10**12)

    assert clock.passed == 0


def test_a_held_run_waits_until_it_may_go_on(gate: Gate, clock: Wound, order: Callable[..., None]) -> None:
    order(held="quiet hours", held_since=NOON)
    clock.meanwhile = lambda: order() if clock.passed >= 10 else None

    gate.check()

    assert 10 <= clock.passed <= 10 + 2 * LOOK_SECONDS


def test_a_run_held_for_long_gives_its_place_back(gate: Gate, clock: Wound, order: Callable[..., None]) -> None:
    order(held="/run/acquiring is there", held_since=NOON)

    with pytest.raises(RunPutOff, match="/run/acquiring is there"):
        gate.check()

    assert 30 <= clock.passed <= 30 + LOOK_SECONDS


def test_a_cancel_is_heard_while_a_run_is_held(settings: Worker, clock: Wound, order: Callable[..., None]) -> None:
    def wanted() -> None:
        if clock.passed >= 1:
            raise ImportCancelled

    order(held="quiet hours", held_since=NOON)

    with pytest.raises(ImportCancelled):
        Gate(settings, wanted, clock=clock).check()

    assert clock.passed <= 1 + LOOK_SECONDS


def test_a_draining_worker_lets_a_run_finish_what_it_uploads(
    gate: Gate, clock: Wound, order: Callable[..., None]
) -> None:
    order(draining=NOON)
    gate.check()
    clock.sleep(59)
    gate.check()
    clock.sleep(1)

    with pytest.raises(RunPutOff):
        gate.check()


def test_nothing_new_is_begun_while_the_worker_drains(gate: Gate, order: Callable[..., None]) -> None:
    order(draining=NOON)

    with pytest.raises(RunPutOff):
        gate.between_filesets()


def test_a_held_run_does_not_keep_a_draining_worker_waiting(
    gate: Gate, clock: Wound, order: Callable[..., None]
) -> None:
    order(draining=NOON, held="quiet hours", held_since=NOON)

    with pytest.raises(RunPutOff):
        gate.check()

    assert clock.passed == 0


def test_the_file_is_looked_at_now_and_then_not_at_every_chunk(
    gate: Gate, clock: Wound, order: Callable[..., None]
) -> None:
    gate.check()
    order(draining=NOON - timedelta(hours=1))
    gate.check()
    clock.sleep(LOOK_SECONDS)

    with pytest.raises(RunPutOff):
        gate.check()


@pytest.mark.parametrize("piece", [1_000, 8_192, 300_000], ids=["small", "middling", "three seconds' worth"])
def test_no_more_is_sent_than_the_rate_allows(gate: Gate, clock: Wound, order: Callable[..., None], piece: int) -> None:
    order(bytes_per_second=100_000)
    sent = 0
    while sent < 2_000_000:
        gate.pace(piece)
        sent += piece

        assert sent <= 100_000 * clock.passed + max(100_000, piece) + 1

    assert clock.passed <= sent / 100_000


def test_another_rate_counts_at_once(gate: Gate, clock: Wound, order: Callable[..., None]) -> None:
    order(bytes_per_second=1)
    gate.pace(1_000_000)
    clock.meanwhile = lambda: order(bytes_per_second=1_000_000)

    gate.pace(1)

    assert clock.passed < 3


def test_a_lifted_limit_ends_the_wait(gate: Gate, clock: Wound, order: Callable[..., None]) -> None:
    order(bytes_per_second=1)
    gate.pace(1_000_000)
    clock.meanwhile = order

    gate.pace(1_000_000)

    assert clock.passed <= 2 * LOOK_SECONDS


def test_who_waits_for_bytes_hears_that_the_worker_stops(gate: Gate, clock: Wound, order: Callable[..., None]) -> None:
    order(bytes_per_second=1)
    gate.pace(1_000_000)
    clock.meanwhile = lambda: order(bytes_per_second=1, draining=NOON - timedelta(hours=1))

    with pytest.raises(RunPutOff):
        gate.pace(1)


def test_a_bucket_that_stood_idle_holds_no_more_than_a_second(clock: Wound) -> None:
    bucket = Bucket(clock)
    assert bucket.take(100, 100) == 0
    clock.sleep(3600)

    assert bucket.take(100, 100) == 0
    assert bucket.take(50, 100) == 0.5


GENTLE = """
import subprocess, sys
from flows.core.settings import Worker
from flows.core.worker_orders import be_gentle
be_gentle(Worker(nice=7, io_class=sys.argv[1]))
subprocess.run([sys.executable, "-c", "import psutil; me = psutil.Process(); print(me.nice(), int(me.ionice()[0]))"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Windows has classes instead of numbers")
@pytest.mark.parametrize(
    ("io_class", "expected"),
    [("none", None), ("best-effort", psutil.IOPRIO_CLASS_BE), ("idle", psutil.IOPRIO_CLASS_IDLE)],
)
def test_a_process_stands_back_and_so_do_those_that_it_starts(io_class: str, expected: int | None) -> None:
    untouched = int(psutil.Process().ionice()[0])
    told = subprocess.run([sys.executable, "-c", GENTLE, io_class], check=True, capture_output=True, text=True).stdout

    assert told.split() == [str(max(7, psutil.Process().nice())), str(untouched if expected is None else int(expected))]
