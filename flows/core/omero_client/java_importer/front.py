"""Runs omero-py's own `omero import` up to where it starts Java, and becomes that Java.

A program of its own: it reads its order from the standard input and knows nothing of the courier. All is as the command
`omero import` does it, its options, its class path and its command line, but for one thing: the command line is written
to a file that only this account can read, and Java is started with `@file`. On its own command line, which everybody on
the machine may read, the session's key would stand.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import omero.cli
import omero.java

PLUGINS = {"import.py", "sessions.py"}
"""What of omero-py's commands is needed; to load all of them takes longer than the rest."""
PARENT_DIES = 1
"""prctl's PR_SET_PDEATHSIG (Linux)."""
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"})


def quoted(argument: str) -> str:
    """Write an argument as a line of a file of arguments (Java: the `java` command, argument files)."""
    return f'"{argument.translate(_ESCAPES)}"\n'


def die_with(parent: int) -> None:
    """Have the system end this process, and the Java that it becomes, as soon as its parent ends, however that ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"The process {parent} that wanted this import is gone.")


class Cli(omero.cli.CLI):  # type: ignore[misc]
    """omero-py's command, with those plugins only."""

    def loadpath(self, pathobj: Any) -> None:
        """Load a plugin, or those of a folder."""
        if pathobj.isdir() or pathobj.basename() in PLUGINS:
            super().loadpath(pathobj)


def main() -> int:
    """Carry out the order."""
    order = json.load(sys.stdin)
    die_with(order["parent"])

    def become_java(arguments: list[str], *, xargs: list[str] | None = None, **_: Any) -> None:
        _, *command = omero.java.cmd(arguments, xargs=xargs, debug=False)
        # It notes the session down for its next call, under a name that is the key.
        shutil.rmtree(order["sessions"], ignore_errors=True)
        file = Path(order["arguments_file"])
        file.touch(mode=0o600)
        file.write_text("".join(map(quoted, command)), encoding="utf-8", errors="surrogateescape")
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(order["java"], [order["java"], f"@{file}"])  # noqa: S606 - no shell is wanted

    omero.cli.CLI = Cli
    omero.java.popen = become_java
    status = omero.cli.argv(["omero", *order["arguments"]])
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
