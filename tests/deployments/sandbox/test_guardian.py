"""The guardian with plain processes: what carries the marker ends, nothing else does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deployments.sandbox.processes import MARKER, marked
from tests.support.sandbox import ROOT, until

RUNS = "import time; time.sleep(600)"
HAS_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {RUNS!r}], start_new_session=True)"


@pytest.fixture
def marker() -> str:
    return uuid4().hex


@pytest.fixture
def guardian(marker: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "deployments.sandbox.guardian", marker, str(tmp_path / "sockets")]
    environment = {**os.environ, MARKER: marker}
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, env=environment) as process:
        yield process


def start(code: str, marker: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], env={MARKER: marker}, start_new_session=True)


def test_when_the_pipe_closes_everything_marked_ends(guardian: subprocess.Popen[bytes], marker: str) -> None:
    with start(HAS_A_CHILD, marker):
        until(lambda: len(marked(marker)) == 3, 30, "guardian, process and child run")

        guardian.communicate()

        assert marked(marker) == []


def test_processes_of_another_sandbox_go_on(guardian: subprocess.Popen[bytes]) -> None:
    with start(RUNS, uuid4().hex) as other:
        guardian.communicate()
        goes_on = other.poll() is None
        other.kill()

    assert goes_on


def test_it_removes_what_it_was_told_to(guardian: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "sockets").mkdir()

    guardian.communicate()

    assert not (tmp_path / "sockets").exists()


def test_it_cannot_be_stopped_by_a_signal_meant_for_all(guardian: subprocess.Popen[bytes], marker: str) -> None:
    until(lambda: ignores(guardian.pid, signal.SIGTERM), 30, "the guardian has made itself deaf")
    guardian.send_signal(signal.SIGTERM)
    with start(RUNS, marker):
        guardian.communicate()

    assert guardian.returncode == 0


def ignores(pid: int, what: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (what - 1) & 1)
