"""Write work pools, queues, limits and deployments to Prefect, from the settings: `make deploy`.

Limits and paused pools that an operator changed in the UI stay as they are, unless `--limits` is given.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from flows.core.settings import OmeroServer, Settings, read_settings
from flows.import_images import import_images

PROJECT = Path(__file__).resolve().parent.parent
ENTRYPOINT = "flows/import_images.py:import_images"
FLOW = "import-images"
DEFAULT_QUEUE = "people"
QUEUES = {"people": 1, "bulk": 2}
"""Priority by queue: the lower number goes first."""
HEARTBEAT_SECONDS = 30


@dataclass(frozen=True)
class PlannedDeployment:
    """One deployment as the settings ask for it."""

    server: str
    runs: int
    """Limit of its work pool."""

    @property
    def pool(self) -> str:
        """The work pool of this OMERO server."""
        return pool_of(self.server)

    @property
    def full_name(self) -> str:
        """As Prefect and the API name it."""
        return f"{FLOW}/{self.server}"

    @property
    def tags(self) -> list[str]:
        """What the UI filters by."""
        return [f"server:{self.server}"]

    @property
    def job_variables(self) -> dict[str, Any]:
        """One process per run instead of two, heartbeats that show a lost one soon, and its OMERO server."""
        return {
            "command": "python -m prefect.engine",
            "env": {
                "COURIER_SERVER": self.server,
                "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
                "PREFECT_LOGGING_EXTRA_LOGGERS": "flows",
                "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
            },
        }


def pool_of(server: str) -> str:
    """Name the work pool of an OMERO server: the waiting room of its imports."""
    return f"omero-{server}"


def plan(servers: dict[str, OmeroServer]) -> list[PlannedDeployment]:
    """Say which deployments the settings ask for."""
    return [PlannedDeployment(server=name, runs=server.runs) for name, server in servers.items()]


async def deploy(settings: Settings, *, limits: bool = False) -> list[str]:
    """Write everything; return the deployments' full names.

    Args:
        settings: what to deploy.
        limits: set the limits of pools that exist already, too.
    """
    planned = plan(settings.servers)
    async with get_client() as client:
        for each in planned:
            await _pool(client, each, limits=limits)
            await _deployment(client, each)
    return [each.full_name for each in planned]


async def _pool(client: PrefectClient, planned: PlannedDeployment, *, limits: bool) -> None:
    pool = await _existing(client, planned.pool)
    if pool is None:
        await client.create_work_pool(
            WorkPoolCreate(
                name=planned.pool,
                type="process",
                base_job_template=ProcessWorker.get_default_base_job_template(),
                concurrency_limit=planned.runs,
                description=f"Imports into the OMERO server {planned.server}: who waits, waits here, in order.",
            )
        )
    elif limits:
        await client.update_work_pool(planned.pool, WorkPoolUpdate(concurrency_limit=planned.runs))
    present = {queue.name for queue in await client.read_work_queues(work_pool_name=planned.pool)}
    for name, priority in QUEUES.items():
        if name not in present:
            await client.create_work_queue(name=name, priority=priority, work_pool_name=planned.pool)


async def _existing(client: PrefectClient, name: str) -> WorkPool | None:
    try:
        return await client.read_work_pool(name)
    except ObjectNotFound:
        return None


async def _deployment(client: PrefectClient, planned: PlannedDeployment) -> None:
    await client.create_deployment(
        flow_id=await client.create_flow(import_images),
        name=planned.server,
        description=import_images.description,
        entrypoint=ENTRYPOINT,
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(PROJECT)}}],
        work_pool_name=planned.pool,
        work_queue_name=DEFAULT_QUEUE,
        tags=planned.tags,
        job_variables=planned.job_variables,
        parameter_openapi_schema=parameter_schema(import_images).model_dump_for_openapi(),
        enforce_parameter_schema=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run `make deploy`."""
    parser = argparse.ArgumentParser(prog="python -m deployments.deploy", description=__doc__)
    parser.add_argument("--limits", action="store_true", help="set limits of existing pools to the settings' too")
    options = parser.parse_args(arguments)
    if not PREFECT_API_URL.value():
        # Prefect would quietly start a server of its own for the moment, and deploy into nothing.
        sys.stderr.write("PREFECT_API_URL is not set: say which Prefect server to deploy to.\n")
        return 2
    try:
        settings = read_settings()
    except ValueError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    for name in asyncio.run(deploy(settings, limits=options.limits)):
        sys.stdout.write(f"deployed {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
