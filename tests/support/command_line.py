"""OMERO's own command `omero`, as its users run it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

RUN_ALL = """
import json, sys, omero.cli
for arguments in json.loads(sys.argv[1]):
    code = omero.cli.argv(["omero", *arguments])
    print("exit", code, flush=True)
"""
"""What the script `omero` does, for several commands in one process; but the script refuses to run as root."""


def run_omero(home: Path, commands: Sequence[Sequence[str]], **settings: str) -> subprocess.CompletedProcess[str]:
    """Run commands one after the other; each ends with a line `exit` and its status.

    Args:
        home: where it keeps its sessions.
        commands: the words of each.
        settings: of the environment, besides this process's.
    """
    environment = {**os.environ, "OMERO_USERDIR": str(home), "PYTHONWARNINGS": "ignore", **settings}
    command = [sys.executable, "-c", RUN_ALL, json.dumps([list(each) for each in commands])]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False
    )
