"""`python3 -m deployments.setup`: a virtual environment with everything in it; a second run takes no time."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path

from deployments.setup import bioformats, icepy
from deployments.setup.live import SetupError, elapsed, quiet, run, say
from deployments.setup.prerequisites import find_python, require_venv, version_of

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
LOGS = VENV / "setup-logs"
STAMP = VENV / "setup-stamp"


def main() -> int:
    """Set up, or say in a line or two what is missing."""
    wanted = fingerprint(PROJECT)
    if STAMP.is_file() and STAMP.read_text() == wanted and version_of(str(VENV / "bin" / "python")):
        return 0
    began = time.monotonic()
    try:
        set_up(find_python(os.environ))
    except SetupError as error:
        sys.stderr.write(f"\nSet-up stopped. {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nSet-up interrupted; run it again to go on.\n")
        return 130
    STAMP.write_text(wanted)
    say(f"Set up in {elapsed(time.monotonic() - began)}: {VENV}")
    return 0


def fingerprint(project: Path) -> str:
    """Return a hash of everything that decides what is installed."""
    files = [project / "pyproject.toml", project / "constraints.txt"]
    files += sorted(path for path in (project / "deployments" / "setup").rglob("*") if path.suffix in {".py", ".h"})
    hashed = hashlib.sha256(str(project).encode())
    for path in files:
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def set_up(python: str) -> None:
    """Make the virtual environment and install into it.

    Raises:
        SetupError: something is missing, or a step failed.
    """
    require_venv(python)
    venv_python = str(VENV / "bin" / "python")
    say(f"Setting up {VENV} with Python {version_of(python)}: about a minute, plus IcePy the first time.")
    if not _is_usable(venv_python):
        made = quiet([python, "-m", "venv", "--clear", str(VENV)])
        if made.returncode:
            raise SetupError(f"{VENV} cannot be made: {made.stdout}{made.stderr}")
    icepy.ensure(venv_python, python, LOGS)
    pip = [venv_python, "-m", "pip", "install", "--progress-bar", "off"]
    pinned = ["-c", str(PROJECT / "constraints.txt"), "-e", f"{PROJECT}[remote,sandbox,test]"]
    run("Installing the pinned packages", [*pip, *pinned], LOGS / "pip.log", detail=installing)
    bioformats.ensure(pip, PROJECT / "constraints.txt", LOGS)


def _is_usable(venv_python: str) -> bool:
    is_3_11 = (version_of(venv_python) or "").startswith("3.11.")
    return is_3_11 and quiet([venv_python, "-m", "pip", "--version"]).returncode == 0


def installing(output: str) -> str:
    """Say from pip's output how far it is."""
    fetched = output.count("\nCollecting ")
    if "\nInstalling collected packages" in output:
        return f"writing {fetched} packages"
    return f"finding and fetching: {fetched} packages so far"


if __name__ == "__main__":
    sys.exit(main())
