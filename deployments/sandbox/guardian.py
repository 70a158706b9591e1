"""Outlives the supervisor, to end what it left behind: nothing else frees a machine after a `kill -9`."""

import shutil
import signal
import sys
from pathlib import Path

from deployments.sandbox.processes import end_all

GRACE_SECONDS = 5.0


def main(marker: str, *leftovers: str) -> None:
    """Wait until the supervisor closes the pipe to this process, in whichever way, then clean up after it."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_all(marker, grace=GRACE_SECONDS)
    for leftover in leftovers:
        shutil.rmtree(Path(leftover), ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
