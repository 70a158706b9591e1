"""Starts what is measured: an OMERO stand-in by itself, or the whole sandbox; on free ports, stopped by process id."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from deployments.sandbox.home import Home, Running
from deployments.sandbox.people import SERVICE_ACCOUNT, passwords, seed
from deployments.sandbox.understudy.control import Control
from flows.core.settings import OmeroServer, ServiceAccount

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
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class StandIn:
    """A running OMERO stand-in."""

    server: OmeroServer
    """How the product reaches it: over ssl."""
    control: Control
    logins: dict[str, str]


@contextmanager
def omero_stand_in(folder: Path) -> Iterator[StandIn]:
    """Run a stand-in in a process of its own."""
    folder.mkdir()
    known = passwords(secret=True)
    (folder / "users.json").write_text(json.dumps(seed(known)))
    command = ["deployments.sandbox.understudy", "--data", str(folder / "data"), "--users", str(folder / "users.json")]
    log = folder / "log"
    with running(command, log) as process:

        def announced() -> dict[str, Any] | None:
            lines = [line for line in log.read_text().splitlines() if '"ssl_port"' in line]
            if not lines and process.poll() is not None:
                raise NotInTime(f"the stand-in ended: {log.read_text()}")
            return json.loads(lines[0]) if lines else None

        where = wait_for(announced, "the OMERO stand-in")
        account = ServiceAccount(user=SERVICE_ACCOUNT, password=SecretStr(known[SERVICE_ACCOUNT]))
        server = OmeroServer(host="127.0.0.1", port=where["ssl_port"], service_account=account)
        yield StandIn(server, Control(where["control"]), known)


@contextmanager
def sandbox(folder: Path) -> Iterator[Running]:
    """Run the whole sandbox, as `make up` does."""
    home = Home(folder / "sandbox")
    log = folder / "sandbox.log"
    with running(["deployments.sandbox", "up", "--for-tests", "--data", str(home.data)], log) as process:

        def announced() -> Running | None:
            if process.poll() is not None:
                raise NotInTime(f"the sandbox ended: {log.read_text()}")
            return home.running()

        yield wait_for(announced, "the sandbox")
