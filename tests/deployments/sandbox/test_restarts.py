import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.sandbox.restarts import RestartingSupervisor
from deployments.sandbox.supervisor import Part, PartFailed, Stopped
from tests.support.sandbox import until

RUNS = "import time; print('here', flush=True); time.sleep(600)"


class Watched:
    """A supervisor of one part, in this process: signals reach the main thread only, so harm comes from another."""

    def __init__(self, folder: Path) -> None:
        self.pids, self.holds, self.log = folder / "pids.json", folder / "hold", folder / "victim.log"
        self.holds.mkdir()
        self.told: list[str] = []
        self.supervisor = RestartingSupervisor(
            {"PATH": ""}, self.told.append, with_parent=False, pids=self.pids, holds=self.holds
        )

    def part(self, code: str = RUNS) -> Part:
        return Part("victim", (sys.executable, "-c", code), ready=lambda: "here" in self.log.read_text(), log=self.log)

    def pid(self) -> int | None:
        found: int | None = json.loads(self.pids.read_text())["victim"] if self.pids.exists() else None
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield Watched(tmp_path)
    for each, handler in handlers.items():
        signal.signal(each, handler)


def watch_while(watched: Watched, harm: Callable[[], None]) -> list[str]:
    """Run the supervisor while `harm` is done to it in a thread; return what went wrong there."""
    wrong: list[str] = []

    def thread() -> None:
        try:
            until(watched.pid, 10, "the part runs")
            harm()
        except AssertionError as failed:
            wrong.append(str(failed))
        os.kill(os.getpid(), signal.SIGTERM)

    hurting = threading.Thread(target=thread)
    with watched.supervisor:
        watched.supervisor.start([watched.part()])
        hurting.start()
        with pytest.raises(Stopped):
            watched.supervisor.wait()
    hurting.join()
    return wrong


def kill(watched: Watched) -> int:
    pid = watched.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_part_that_dies_is_started_again_and_its_log_goes_on(watched: Watched) -> None:
    def harm() -> None:
        first = kill(watched)
        until(lambda: watched.pid() not in (None, first), 10, "another process is the part")
        until(lambda: watched.log.read_text() == "here\nhere\n", 10, "it speaks again")

    assert watch_while(watched, harm) == []
    assert [line.split()[0] for line in watched.told] == ["victim", "victim", "victim"]


def test_a_part_that_is_held_stays_down_until_it_is_let_go(watched: Watched) -> None:
    def harm() -> None:
        (watched.holds / "victim").touch()
        first = kill(watched)
        until(lambda: watched.pid() is None, 10, "it is known to be down")
        (watched.holds / "victim").unlink()
        until(lambda: watched.pid() not in (None, first), 10, "another process is the part")

    assert watch_while(watched, harm) == []


def test_a_part_that_never_got_up_still_ends_everything(watched: Watched) -> None:
    with watched.supervisor, pytest.raises(PartFailed, match="victim: ended with status 3"):
        watched.supervisor.start([watched.part("raise SystemExit(3)")])
