"""A worker whose Prefect server is away: it waits for it, and still ends when it is told to."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployments.worker import drain
from deployments.worker.launcher import bytes_per_second
from deployments.worker.places import Entry, Places, running
from tests.support.sandbox import until

ROOT = Path(__file__).parents[3]
NAME = "alone"
START_SECONDS = 90
TESTS = 6
pytestmark = pytest.mark.timeout(240)


class Alone:
    """A worker for a server that does not exist, started as a shell starts what ends with `&`: SIGINT is ignored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PREFECT_API_URL": "http://127.0.0.1:9/api",
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "0.5",
            "DO_NOT_TRACK": "1",
            "COURIER_SERVERS__main__HOST": "omero.invalid",
            "COURIER_SEAL_KEYS": f'["{Fernet.generate_key().decode()}"]',
            "COURIER_WORKER__DIRECTORY": str(folder / "run"),
            "COURIER_WORKER__PAUSE_FILE": str(folder / "acquiring"),
        }
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        background = f"import signal, os; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv({sys.executable!r}, "
        command = [sys.executable, "-m", "deployments.worker", "--pool", "omero-main", "--name", NAME]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", f"{background}{command!r})"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def entries(self) -> list[Entry]:
        return running(self.folder / "run") if (self.folder / "run").exists() else []

    def says(self, what: str) -> None:
        until(lambda: what in self.log.read_text(), START_SECONDS, f"{what!r} in:\n{self.log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Alone]]:
    """A worker for each test, all started at the same time: each needs ten seconds."""
    workers = [Alone(tmp_path_factory.mktemp(NAME)) for _ in range(TESTS)]
    yield list(workers)
    for each in workers:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture
def alone(started: list[Alone]) -> Alone:
    worker = started.pop()
    worker.says("Prefect does not answer")
    worker.says("Worker alone is there")
    return worker


def by_signal(number: signal.Signals) -> Callable[[Alone], None]:
    return lambda alone: alone.process.send_signal(number)


def by_request(alone: Alone) -> None:
    Places(alone.folder / "run", NAME).drain.touch()


@pytest.mark.parametrize(
    "ask",
    [by_signal(signal.SIGTERM), by_signal(signal.SIGINT), by_request],
    ids=["a service's stop", "Ctrl-C, in the background too", "make drain"],
)
def test_it_ends_in_order_however_it_is_asked(alone: Alone, ask: Callable[[Alone], None]) -> None:
    assert [each.name for each in alone.entries()] == [NAME]

    ask(alone)

    assert alone.process.wait(START_SECONDS) == 0
    assert alone.entries() == []


def test_drain_returns_once_the_worker_has_ended(
    alone: Alone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in alone.environment.items():
        if name.startswith("COURIER_"):
            monkeypatch.setenv(name, value)

    assert drain.main(["--pool", "omero-other"]) == 0
    assert alone.process.poll() is None
    assert drain.main([]) == 0

    assert alone.entries() == []
    assert "no worker of omero-other runs here" in capsys.readouterr().out
    assert alone.process.wait(START_SECONDS) == 0


def test_it_says_once_why_it_pauses_and_once_that_it_goes_on(alone: Alone) -> None:
    file = alone.folder / "acquiring"

    file.touch()
    alone.says(f"It pauses: {file} is there")
    file.unlink()
    alone.says("It goes on")

    assert alone.log.read_text().count("It pauses") == 1


def test_a_second_one_of_its_name_does_not_start(alone: Alone) -> None:
    assert alone.start().wait(START_SECONDS) == 2
    alone.says("A worker named alone runs on this machine already")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5_000_000, 5_000_000), ("5000000", 5_000_000), (0, None), (-1, None), ("fast", None), (None, None)],
    ids=str,
)
def test_what_an_operator_sets_is_a_number_or_no_limit(value: object, expected: int | None) -> None:
    assert bytes_per_second(value) == expected
