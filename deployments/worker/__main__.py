"""`python -m deployments.worker --pool omero-main`: a worker that is gentle to its machine, until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

from prefect.settings import PREFECT_API_URL

from deployments.worker.launcher import Launcher
from deployments.worker.orphans import ORDERS
from deployments.worker.places import WorkerProblem, directory_of, entered
from flows.core.mounts import tell_of_missing
from flows.core.names import COURIER_POOL
from flows.core.settings import PREFIX, read_settings
from flows.core.worker_orders import be_gentle

STATION = f"{PREFIX}STATION"


def main(arguments: list[str] | None = None) -> int:
    """Run `make worker`; the exit status is 0 once everything that ran has ended or given its place back."""
    parser = argparse.ArgumentParser(prog="python -m deployments.worker", description=__doc__)
    parser.add_argument("--pool", required=True, help="the work pool to take runs from, for example omero-main")
    parser.add_argument(
        "--queue", action="append", default=[], help="take runs of this queue of the pool only; may be given again"
    )
    parser.add_argument("--name", help="of this worker, in Prefect and on this machine; left out: host and pool")
    parser.add_argument(
        "--station", help="the workstation whose imports alone it takes; left out: that of the settings"
    )
    asked = parser.parse_args(arguments)
    if asked.station:
        os.environ[STATION] = asked.station
    if not PREFECT_API_URL.value():
        sys.stderr.write("PREFECT_API_URL is not set: say which Prefect server to work for.\n")
        return 2
    try:
        everything = read_settings()
        settings, station = everything.worker, everything.station if asked.pool != COURIER_POOL else None
        name = asked.name or "-".join(filter(None, (socket.gethostname(), asked.pool, asked.station)))
        tell_of_missing(everything, lambda missing: sys.stderr.write(f"{missing}\n"))
        be_gentle(settings)
        with entered(directory_of(settings), name, asked.pool) as places:
            # Runs inherit the environment, and are to be carried out by the Python that this is.
            os.environ[ORDERS] = str(places.orders)
            os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
            launcher = Launcher(settings, places, name=name, pool=asked.pool, station=station, queues=asked.queue)
            asyncio.run(launcher.run())
    except (ValueError, WorkerProblem) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
