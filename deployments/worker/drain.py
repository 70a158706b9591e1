"""`python -m deployments.worker.drain`: stop the workers of this machine without losing what they run: `make drain`."""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from deployments.worker.launcher import KILL_SECONDS
from deployments.worker.orphans import carried_out
from deployments.worker.places import ORDERS_ENDING, Places, WorkerProblem, directory_of, running
from flows.core.settings import ENV_FILE, read_settings
from flows.core.worker_orders import read_orders, write_orders

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
    left = {process: f"a run of {file.name.removesuffix(ORDERS_ENDING)}" for process, file in strays(directory)}
    for each in running(directory, asked.pool):
        if (process := each.process()) is not None:
            left[process] = each.name
            Places(directory, each.name).drain.touch()
    if not left:
        sys.stdout.write(f"no worker{f' of {asked.pool}' if asked.pool else ''} runs here ({directory})\n")
    for name in left.values():
        sys.stdout.write(f"{name}: asked to stop\n")
    sys.stdout.flush()
    return wait(left, settings.drain_seconds + KILL_SECONDS + _MARGIN_SECONDS)


def strays(directory: Path) -> list[tuple[psutil.Process, Path]]:
    """Return the processes of runs whose worker was killed, told to stop."""
    at_work = {Places(directory, each.name).orders for each in running(directory)}
    found = [(process, file) for process, file in carried_out() if file.parent == directory and file not in at_work]
    for _, file in found:
        write_orders(file, read_orders(file).model_copy(update={"draining": datetime.now(UTC)}))
    return found


def wait(left: Mapping[psutil.Process, str], seconds: float) -> int:
    """Wait for processes to end, and tell; return the exit status."""

    def tell(process: psutil.Process) -> None:
        sys.stdout.write(f"{left[process]}: has ended\n")
        sys.stdout.flush()

    _, still_there = psutil.wait_procs(list(left), timeout=seconds, callback=tell)
    for process in still_there:
        sys.stderr.write(f"{left[process]}: still there after {seconds:.0f} s; its process is {process.pid}\n")
    return 1 if still_there else 0


if __name__ == "__main__":
    sys.exit(main())
