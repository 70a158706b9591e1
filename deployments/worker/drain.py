"""`python -m deployments.worker.drain`: stop the workers of this machine without losing what they run: `make drain`."""

import argparse
import os
import sys
from pathlib import Path

import psutil

from deployments.worker.launcher import KILL_SECONDS
from deployments.worker.places import Entry, Places, WorkerProblem, directory_of, running
from flows.core.settings import ENV_FILE, read_settings

_MARGIN_SECONDS = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Run `make drain`; the exit status is 0 once no worker is left."""
    parser = argparse.ArgumentParser(prog="python -m deployments.worker.drain", description=__doc__)
    parser.add_argument("--pool", help="only the workers of this pool")
    parser.add_argument("--data", type=Path, help="of a sandbox, whose settings count if no others are named")
    asked = parser.parse_args(arguments)
    if asked.data and ENV_FILE not in os.environ and (file := asked.data / "courier.env").is_file():
        os.environ[ENV_FILE] = str(file.absolute())
    try:
        settings = read_settings().worker
        directory = directory_of(settings)
    except (ValueError, WorkerProblem) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    found = running(directory, asked.pool)
    if not found:
        sys.stdout.write(f"no worker{f' of {asked.pool}' if asked.pool else ''} runs here ({directory})\n")
    for each in found:
        Places(directory, each.name).drain.touch()
        sys.stdout.write(f"{each.name}: asked to stop\n")
    sys.stdout.flush()
    return wait(found, settings.drain_seconds + KILL_SECONDS + _MARGIN_SECONDS)


def wait(workers: list[Entry], seconds: float) -> int:
    """Wait for workers to end, and tell; return the exit status."""
    left = {process: each.name for each in workers if (process := each.process()) is not None}

    def tell(process: psutil.Process) -> None:
        sys.stdout.write(f"{left[process]}: has ended\n")
        sys.stdout.flush()

    _, still_there = psutil.wait_procs(list(left), timeout=seconds, callback=tell)
    for process in still_there:
        sys.stderr.write(f"{left[process]}: still there after {seconds:.0f} s; its process is {process.pid}\n")
    return 1 if still_there else 0


if __name__ == "__main__":
    sys.exit(main())
