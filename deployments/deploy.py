"""Write work pools, queues, limits and deployments to Prefect, from the settings: `make deploy`.

Limits, paused pools and paused schedules that an operator changed in the UI stay as they are, unless `--limits`
is given, which sets the limits.
"""

import argparse
import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    GlobalConcurrencyLimitCreate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from deployments.plan import PlannedDeployment, PlannedPool, plan
from flows.core.settings import Settings, read_settings

PROJECT = Path(__file__).resolve().parent.parent
SCHEDULE = "rounds"
"""The slug of a schedule that comes from the settings."""
_PAGE = 200


async def deploy(settings: Settings, *, limits: bool = False) -> list[str]:
    """Write everything; return the deployments' full names.

    Args:
        settings: what to deploy.
        limits: set the limits of pools and queues that exist already, too.
    """
    planned = plan(settings)
    async with get_client() as client:
        await _locks(client, planned.locks)
        for pool in planned.pools:
            await _pool(client, pool, limits=limits)
            await _queues(client, pool, limits=limits)
        for deployment in planned.deployments:
            await _deployment(client, deployment)
    return [each.full_name for each in planned.deployments]


async def _locks(client: PrefectClient, wanted: tuple[str, ...]) -> None:
    present: set[str] = set()
    while page := await client.read_global_concurrency_limits(limit=_PAGE, offset=len(present)):
        present |= {each.name for each in page}
    for name in wanted:
        if name in present:
            continue
        try:
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        except ObjectAlreadyExists:  # two deploys at a time
            continue


async def _pool(client: PrefectClient, planned: PlannedPool, *, limits: bool) -> None:
    pool = await _existing(client, planned.name)
    if pool is None:
        await client.create_work_pool(
            WorkPoolCreate(
                name=planned.name,
                type="process",
                base_job_template=ProcessWorker.get_default_base_job_template(),
                concurrency_limit=planned.limit,
                description=planned.description,
            )
        )
    elif limits:
        await client.update_work_pool(planned.name, WorkPoolUpdate(concurrency_limit=planned.limit))


async def _existing(client: PrefectClient, name: str) -> WorkPool | None:
    try:
        return await client.read_work_pool(name)
    except ObjectNotFound:
        return None


async def _queues(client: PrefectClient, pool: PlannedPool, *, limits: bool) -> None:
    present = {queue.name: queue for queue in await client.read_work_queues(work_pool_name=pool.name)}
    for queue in pool.queues:
        if queue.name not in present:
            await client.create_work_queue(
                name=queue.name, priority=queue.priority, concurrency_limit=queue.limit, work_pool_name=pool.name
            )
        elif limits:
            await client.update_work_queue(present[queue.name].id, concurrency_limit=queue.limit)


async def _deployment(client: PrefectClient, planned: PlannedDeployment) -> None:
    await client.create_deployment(
        flow_id=await client.create_flow(planned.flow),
        name=planned.name,
        description=planned.flow.description,
        entrypoint=planned.entrypoint,
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(PROJECT)}}],
        work_pool_name=planned.pool,
        work_queue_name=planned.queue,
        tags=list(planned.tags),
        job_variables=planned.job_variables,
        parameter_openapi_schema=parameter_schema(planned.flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=await _schedules(client, planned),
    )


async def _schedules(client: PrefectClient, planned: PlannedDeployment) -> list[DeploymentScheduleCreate]:
    """Return the schedule of the settings, paused where an operator paused it."""
    if planned.every is None:
        return []
    try:
        earlier = (await client.read_deployment_by_name(planned.full_name)).schedules
    except ObjectNotFound:
        earlier = []
    interval = IntervalSchedule(interval=timedelta(seconds=planned.every))
    active = all(each.active for each in earlier)
    return [DeploymentScheduleCreate(schedule=interval, active=active, slug=SCHEDULE)]


def main(arguments: list[str] | None = None) -> int:
    """Run `make deploy`."""
    parser = argparse.ArgumentParser(prog="python -m deployments.deploy", description=__doc__)
    parser.add_argument("--limits", action="store_true", help="set limits that exist to the settings' too")
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
