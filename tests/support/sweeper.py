"""A process that sweeps when it is told to: `python -m tests.support.sweeper` on a running sandbox.

One for all tests: a process for each sweep would need seconds to start, and in the tests' own process Prefect remembers
the servers of other tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import Abort
from prefect.flow_engine import run_flow
from prefect.states import Pending

from deployments.sandbox.home import Running
from flows.core.names import SWEEP_FLOW
from flows.core.settings import ENV_FILE
from flows.sweep_folders import sweep_folders

ROOT = Path(__file__).parents[2]


class Sweeper:
    """That process, as tests see it."""

    def __init__(self, sandbox: Running) -> None:
        command = [sys.executable, "-m", "tests.support.sweeper"]
        around = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "COURIER_"))}
        around |= {
            ENV_FILE: str(sandbox.home.settings),
            "PREFECT_API_URL": f"{sandbox.prefect}/api",
            "PREFECT_HOME": str(sandbox.home.prefect),
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=around, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def sweep(self, name: str, *, dry_run: bool) -> UUID:
        """Sweep a folder; return the id of the run, which is over then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"sweep": name, "dry_run": dry_run}) + "\n")
        self._process.stdin.flush()
        return UUID(self._process.stdout.readline().strip())

    def end(self) -> None:
        """Have it end."""
        self._process.communicate(timeout=30)


@pytest.fixture(scope="session")
def sweeper(sandbox: Running) -> Iterator[Sweeper]:
    """Started when the first test sweeps."""
    process = Sweeper(sandbox)
    yield process
    process.end()


def sweep(client: SyncPrefectClient, name: str, *, dry_run: bool = False) -> UUID:
    """Sweep a folder in this process, as a run of its deployment; return the run's id."""
    deployment = client.read_deployment_by_name(f"{SWEEP_FLOW}/{name}")
    asked = {"sweep": name, "dry_run": dry_run}
    # Pending: the worker of the sandbox takes what is scheduled.
    run = client.create_flow_run_from_deployment(deployment.id, parameters=asked, state=Pending())
    with suppress(Abort):  # as prefect.engine does: the run has its end already
        run_flow(sweep_folders, flow_run=run, parameters=asked, return_type="state")
    return run.id


def main() -> None:
    """Sweep as often as a line says so, and answer with the id of the run."""
    with get_client(sync_client=True) as client:
        for line in sys.stdin:
            asked = json.loads(line)
            sys.stdout.write(f"{sweep(client, asked['sweep'], dry_run=asked['dry_run'])}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
