"""One sandbox from its start to its end: the guardian first, then the parts, then what they are there for."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployments.sandbox import postgres, processes
from deployments.sandbox.environment import IMPATIENT, for_parts, settings_file
from deployments.sandbox.home import Home, Remembered, Running, write_private
from deployments.sandbox.images import make_small_ome_tiff
from deployments.sandbox.parts import PROJECT, all_parts
from deployments.sandbox.people import EASY_TO_TYPE, seed
from deployments.sandbox.restarts import RestartingSupervisor
from deployments.sandbox.supervisor import Part, PartFailed, Stopped, Supervisor
from deployments.sandbox.table import show
from deployments.sandbox.watched import watch_a_folder

_SWEEP_SECONDS = 5.0
_INTERRUPTED = 130


@dataclass(frozen=True)
class Wishes:
    """How a sandbox is to be."""

    for_tests: bool = False
    """It takes any ports, and ends together with the process that started it."""
    restart: bool = False
    """A part that dies is started again; otherwise it is named, and everything ends."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the courier, by name without the prefix, in place of the sandbox's own."""


def run(home: Home, wishes: Wishes, *, story: Part | None = None) -> int:
    """Run a sandbox until its story ends, or without a story until somebody asks for the end.

    Returns the exit status.

    Raises:
        SandboxBusy: one runs on this data directory already.
    """
    with home.locked():
        remembered = home.remember(for_tests=wishes.for_tests)
        environment = for_parts(home, remembered, for_tests=wishes.for_tests)
        # The guardian of an earlier start may still be busy.
        processes.end_all(remembered.marker, grace=_SWEEP_SECONDS)
        with _sockets() as sockets, _guardian(remembered.marker, environment, sockets):
            supervisor = _supervisor(home, wishes, environment)
            try:
                with supervisor:
                    _start(supervisor, home, remembered, sockets, wishes)
                    if story:
                        supervisor.start([story])
                    else:
                        supervisor.wait()
            except PartFailed as failure:
                print(f"\n{failure}", file=sys.stderr, flush=True)
                return 1
            except Stopped:
                return _INTERRUPTED if story else 0
            finally:
                _tell("everything is stopped")
    return 0


def _supervisor(home: Home, wishes: Wishes, environment: Mapping[str, str]) -> Supervisor:
    if wishes.restart:
        return RestartingSupervisor(environment, _tell, with_parent=wishes.for_tests, pids=home.pids, holds=home.holds)
    return Supervisor(environment, _tell, with_parent=wishes.for_tests)


def _start(supervisor: Supervisor, home: Home, remembered: Remembered, sockets: Path, wishes: Wishes) -> None:
    began = time.monotonic()
    settings = {**(IMPATIENT if wishes.for_tests else {}), **wishes.settings}
    write_private(home.settings, settings_file(home, remembered, settings))
    write_private(home.users, json.dumps(seed(remembered.passwords), indent=2))
    postgres.own(home.postgres)
    for user in EASY_TO_TYPE:
        (home.shares / user).mkdir(exist_ok=True)
    _an_image_to_begin_with(home.shares / "alice" / "today" / "cells.ome.tiff")
    if not wishes.for_tests:
        watch_a_folder(home)
    supervisor.start(all_parts(home, remembered.ports, sockets))
    running = describe(home, remembered, sockets)
    show(running, home, seconds=time.monotonic() - began)
    home.announce(running)


def _an_image_to_begin_with(path: Path) -> None:
    """Make the image that the examples of the interface's page import."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_small_ome_tiff(path)


def describe(home: Home, remembered: Remembered, sockets: Path) -> Running:
    """Say what runs where."""
    ports = remembered.ports
    return Running(
        marker=remembered.marker,
        data=home.data,
        api=f"http://127.0.0.1:{ports['api']}",
        prefect=f"http://127.0.0.1:{ports['prefect']}",
        omero_host="127.0.0.1",
        omero_port=ports["omero"],
        omero_ssl_port=ports["omero_ssl"],
        omero_control=f"http://127.0.0.1:{ports['omero_control']}",
        smtp_port=ports["smtp"],
        database=str(sockets),
        logins={name: remembered.passwords[name] for name in EASY_TO_TYPE},
        token=remembered.token,
    )


@contextmanager
def _sockets() -> Iterator[Path]:
    """A short path, since those of sockets are limited to 107 bytes and data directories are not."""
    directory = Path(tempfile.mkdtemp(prefix="courier-", dir="/tmp"))
    try:
        postgres.own(directory)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _guardian(marker: str, environment: Mapping[str, str], sockets: Path) -> Iterator[None]:
    """A process that ends whatever carries the marker as soon as this one is gone, or leaves the block."""
    command = (sys.executable, "-m", "deployments.sandbox.guardian", marker, str(sockets))
    guardian = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=PROJECT, start_new_session=True)
    try:
        yield
    finally:
        guardian.communicate()
        processes.end_all(marker, grace=_SWEEP_SECONDS)


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)
