"""The whole sandbox as a neighbour: one for the session; tests that break theirs start their own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deployments.sandbox import postgres, processes
from deployments.sandbox.home import Home, Running
from tests.support.java import JavaDouble

ROOT = Path(__file__).parents[2]
START_SECONDS = 240.0
STOP_SECONDS = 60.0


class SandboxProcess:
    """A supervisor on a data directory."""

    def __init__(self, data: Path) -> None:
        self.home = Home(data)
        self.output = data.with_name(f"{data.name}-output.txt")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *wishes: str) -> Running:
        """Start it, with further arguments of its command, and wait until it is up."""
        command = [sys.executable, "-m", "deployments.sandbox", "up", "--for-tests", "--data", str(self.home.data)]
        command += wishes
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        until(lambda: self._process.poll() is not None or self.home.running(), START_SECONDS, "the sandbox is up")
        running = self.home.running()
        assert running is not None, self.told
        return running

    @property
    def told(self) -> str:
        """What it printed."""
        return self.output.read_text()

    @property
    def processes(self) -> list[psutil.Process]:
        """All of its processes but the supervisor and what PostgreSQL starts."""
        return processes.marked(self.home.remember(for_tests=True).marker)

    def send(self, what: signal.Signals) -> int:
        """Send the supervisor a signal and return the status that it ends with."""
        self._process.send_signal(what)
        return self._process.wait(STOP_SECONDS)

    def wait(self) -> int:
        """Return the status that it ends with by itself."""
        return self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Stop it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGTERM)


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def dump_database(running: Running) -> bytes:
    """Return everything in Prefect's database, as SQL."""
    return subprocess.run(postgres.dump(Path(running.database)), check=True, capture_output=True).stdout


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sandbox that all tests share: make your own folder in a user's share, and look only at your own imports."""
    folder = tmp_path_factory.mktemp("sandbox")
    process = SandboxProcess(folder / "data")
    try:
        yield process.start(*JavaDouble(folder / "java").make().wishes)
    finally:
        process.stop()


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data that the tests of a module start their own sandboxes on, one after the other."""
    return tmp_path_factory.mktemp("own") / "data"


@pytest.fixture
def own_sandbox(own_data: Path) -> Iterator[SandboxProcess]:
    """A sandbox that may be broken; not started yet."""
    process = SandboxProcess(own_data)
    yield process
    process.stop()
