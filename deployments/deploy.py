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
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from deployments.plan import PlannedDeployment, PlannedPool, plan
from flows.core.errors import RequestError
from flows.core.names import SWEEP_FLOW
from flows.core.settings import Settings, read_settings

PROJECT = Path(__file__).resolve().parent.parent
SCHEDULE = "rounds"
"""The slug of a schedule that comes from the settings."""
SWITCHED_OFF = "switched-off"
"""The tag of a deployment whose definition says that it makes no runs by itself."""
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
        await _forget_sweeps(client, {each.full_name for each in planned.deployments})
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
        description=planned.description or planned.flow.description,
        parameters=planned.parameters,
        entrypoint=planned.entrypoint,
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(PROJECT)}}],
        work_pool_name=planned.pool,
        work_queue_name=planned.queue,
        tags=[*planned.tags, *([] if planned.active else [SWITCHED_OFF])],
        job_variables=planned.job_variables,
        parameter_openapi_schema=parameter_schema(planned.flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=await _schedules(client, planned),
    )


async def _schedules(client: PrefectClient, planned: PlannedDeployment) -> list[DeploymentScheduleCreate]:
    """Return the schedule of the settings, paused where an operator paused it."""
    if (schedule := _schedule(planned)) is None:
        return []
    active = planned.active and not await _was_paused(client, planned)
    return [DeploymentScheduleCreate(schedule=schedule, active=active, slug=SCHEDULE)]


async def _was_paused(client: PrefectClient, planned: PlannedDeployment) -> bool:
    """Whether an operator paused it: what its definition had switched off does not count."""
    try:
        earlier = await client.read_deployment_by_name(planned.full_name)
    except ObjectNotFound:
        return False
    return SWITCHED_OFF not in earlier.tags and not all(each.active for each in earlier.schedules)


def _schedule(planned: PlannedDeployment) -> IntervalSchedule | CronSchedule | None:
    if planned.cron is not None:
        return CronSchedule(cron=planned.cron, timezone=planned.timezone)
    return IntervalSchedule(interval=timedelta(seconds=planned.every)) if planned.every is not None else None


async def _forget_sweeps(client: PrefectClient, wanted: set[str]) -> None:
    """Delete the deployments of sweeps that are defined no more; what they handed over goes on."""
    sweeps = FlowFilter(name=FlowFilterName(any_=[SWEEP_FLOW]))
    found = await client.read_deployments(flow_filter=sweeps, limit=_PAGE)
    for each in found:
        if f"{SWEEP_FLOW}/{each.name}" not in wanted:
            await client.delete_deployment(each.id)


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
    try:
        deployed = asyncio.run(deploy(settings, limits=options.limits))
    except RequestError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    for name in deployed:
        sys.stdout.write(f"deployed {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
