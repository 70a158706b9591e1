"""The service files are such that a stop is a drain, and systemd finds nothing wrong with them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deployments.worker.launcher import KILL_SECONDS
from flows.core.settings import Worker

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "deployments" / "systemd").glob("*.service"))


def service(file: Path) -> dict[str, list[str]]:
    """What it says of its service; a key may come more than once."""
    lines = re.findall(
        r"^(\w+)=(.*)$", file.read_text().partition("[Service]")[2].partition("[Install]")[0], re.MULTILINE
    )
    return {key: [value for name, value in lines if name == key] for key, _ in lines}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_systemd_finds_nothing_wrong(file: Path, tmp_path: Path) -> None:
    here = tmp_path / file.name.replace("@", "@omero-main")
    here.write_text(file.read_text().replace("/opt/omero-courier", str(ROOT)))

    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", here],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (checked.returncode, [line for line in checked.stderr.splitlines() if here.name in line]) == (0, [])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_they_start_is_there(file: Path) -> None:
    (command,) = service(file)["ExecStart"]
    module = command.split(" -m ")[1].split()[0].replace(".", "/")

    assert (ROOT / f"{module}.py").is_file() or (ROOT / module / "__main__.py").is_file()


def test_a_stop_of_a_worker_is_a_drain() -> None:
    (file,) = (each for each in FILES if "worker@" in each.name)
    said = service(file)

    assert said["KillMode"] == ["mixed"], "the signal reaches the worker alone"
    assert said["Restart"] == ["on-failure"], "who was drained stays down"
    assert said["TimeoutStopSec"] == ["15min"]
    assert Worker().drain_seconds + KILL_SECONDS < 15 * 60
