"""Starts what is measured: an OMERO stand-in by itself, or the whole sandbox; on free ports, stopped by process id."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from deployments.sandbox.home import Home, Running
from tests.support.understudy import Understudy, start_understudy

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
STOP_SECONDS = 30.0

T = TypeVar("T")


class NotInTime(Exception):
    """Something that was waited for did not happen."""


def wait_for(look: Callable[[], T | None], what: str, patience: float = START_SECONDS, every: float = 0.1) -> T:
    """Return what `look` finds, or raise `NotInTime`."""
    until = time.monotonic() + patience
    while (found := look()) is None:
        if time.monotonic() > until:
            raise NotInTime(f"{what}: not within {patience:.0f} s")
        time.sleep(every)
    return found


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of the project until the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    except Exception as failure:
        failure.add_note(f"The end of {log}:\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def omero_stand_in(folder: Path) -> Iterator[Understudy]:
    """Run an OMERO stand-in in a process of its own."""
    started = start_understudy(folder)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def sandbox(folder: Path) -> Iterator[Running]:
    """Run the whole sandbox, as `make up` does."""
    home = Home(folder / "sandbox")
    log = folder / "sandbox.log"
    with running(["deployments.sandbox", "up", "--for-tests", "--data", str(home.data)], log) as process:

        def announced() -> Running | None:
            if process.poll() is not None:
                raise NotInTime("the sandbox ended")
            return home.running()

        yield wait_for(announced, "the sandbox")
