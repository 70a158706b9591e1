"""A machine is left alone when its settings say so."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from deployments.worker.holds import Holds, runs, within
from flows.core.settings import Worker
from tests.support.sandbox import until


@pytest.mark.parametrize(
    ("hours", "now", "quiet"),
    [
        ("08:00-18:00", "07:59", False),
        ("08:00-18:00", "08:00", True),
        ("08:00-18:00", "17:59", True),
        ("08:00-18:00", "18:00", False),
        ("22:00-06:00", "21:59", False),
        ("22:00-06:00", "23:30", True),
        ("22:00-06:00", "00:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("00:00-00:00", "12:00", True),
    ],
    ids=str,
)
def test_hours_may_go_across_midnight(hours: str, now: str, quiet: bool) -> None:
    assert within(hours, time.fromisoformat(now)) is quiet


def test_quiet_hours_are_those_of_the_machine() -> None:
    now = datetime.now().astimezone()
    begin, end = (f"{each:%H:%M}" for each in (now - timedelta(hours=2), now + timedelta(hours=2)))

    assert Holds(Worker(quiet_hours=(f"{begin}-{end}",))).reason() == f"quiet hours {begin}-{end}"
    assert Holds(Worker(quiet_hours=(f"{end}-{begin}",))).reason() is None


def test_a_file_holds_while_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "acquiring"
    holds = Holds(Worker(pause_file=file))
    assert holds.reason() is None

    file.touch()
    assert holds.reason() == f"{file} is there"

    file.unlink()
    assert holds.reason() is None


@pytest.fixture
def microscope(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A program with a name of its own."""
    program = tmp_path / "Acquire64"
    shutil.copy(shutil.which("sleep") or "", program)
    process = subprocess.Popen([program, "600"])
    yield process
    process.kill()
    process.wait()


def test_a_program_holds_while_it_runs(microscope: "subprocess.Popen[bytes]") -> None:
    until(lambda: runs("acquire64"), 10, "the program is seen")
    holds = Holds(Worker(pause_process="Acquire64"))
    assert holds.reason() == "Acquire64 runs"

    microscope.kill()
    microscope.wait()

    assert holds.reason() == "Acquire64 runs", "what is known of programs may be a second old"
    until(lambda: holds.reason() is None, 10, "the machine is free")


def test_without_settings_nothing_holds() -> None:
    assert Holds(Worker()).reason() is None
