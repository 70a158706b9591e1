"""The OMERO stand-in as a neighbour: one for the session, and private ones for tests that break theirs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.understudy.control import Control

ROOT = Path(__file__).parents[2]
START_SECONDS = 30


@dataclass
class Understudy:
    """A running understudy: where it answers, and how to treat it badly."""

    data: Path
    host: str
    port: int
    ssl_port: int
    control_url: str
    process: subprocess.Popen[str]
    arguments: tuple[str, ...]

    @property
    def control(self) -> Control:
        """Its switchboard."""
        return Control(self.control_url)

    @property
    def repository(self) -> Path:
        """Where uploaded files are."""
        return self.data / "ManagedRepository"

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.data / "understudy.log").read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT freeze and thaw the process, SIGKILL is a crash; it is frozen when this returns."""
        os.kill(self.process.pid, number)
        if number is signal.SIGSTOP:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def kill(self) -> None:
        """A crash: no committed row is lost."""
        self.process.kill()
        self.process.wait(START_SECONDS)

    def stop(self) -> None:
        """An orderly end."""
        with suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            if self.process.stdout:
                self.process.stdout.close()

    def restart(self, *arguments: str) -> None:
        """Stop, and start again with the same data on the same ports; `arguments` are added."""
        self.stop()
        ports = ("--port", str(self.port), "--ssl-port", str(self.ssl_port))
        again = start_understudy(self.data, *self.arguments, *ports, *arguments)
        self.process, self.control_url = again.process, again.control_url


def start_understudy(data: Path, *arguments: str) -> Understudy:
    """Start one, and wait until it answers."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "deployments.sandbox.understudy", "--data", str(data), *arguments]
    with (data / "understudy.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        process.wait(START_SECONDS)
        process.stdout.close()
        pytest.fail(f"the understudy did not start: {(data / 'understudy.log').read_text(encoding='utf-8')[-2000:]}")
    ready: dict[str, Any] = json.loads(line)
    where = ready["host"], ready["port"], ready["ssl_port"], ready["control"]
    return Understudy(data, *where, process, arguments)


@pytest.fixture(scope="session")
def understudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Understudy]:
    """The understudy that tests share: leave it as you found it, and name what you make uniquely."""
    started = start_understudy(tmp_path_factory.mktemp("understudy"))
    yield started
    started.stop()


@pytest.fixture
def private_understudy(tmp_path: Path) -> Iterator[Callable[..., Understudy]]:
    """Starts an understudy of the test's own: `private_understudy("--background-threads", "1")`."""
    started: list[Understudy] = []

    def start(*arguments: str) -> Understudy:
        started.append(start_understudy(tmp_path / f"understudy-{len(started)}", *arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()
