"""`make deploy` and `prefect deploy --all` write the same set, which runs, and leave alone what an operator changed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploy import PROJECT, deploy, main
from deployments.plan import LOCKS, PlannedDeployment, plan
from flows.core import names
from flows.core.settings import OmeroServer, Settings

WRITTEN = ("entrypoint", "tags", "job_variables", "pull_steps", "work_queue_name")
SETTINGS = Settings(
    servers={"main": OmeroServer(host="omero.example.org", runs=3)}, seal_keys=(Fernet.generate_key().decode(),)
)
PLANNED = plan(SETTINGS).deployments


async def _read_deployments() -> dict[str, dict[str, Any]]:
    async with get_client() as client:
        found = {each.full_name: await client.read_deployment_by_name(each.full_name) for each in PLANNED}
    return {name: {part: getattr(each, part) for part in WRITTEN} | _comparable(each) for name, each in found.items()}


def _comparable(deployment: DeploymentResponse) -> dict[str, Any]:
    """A schedule counts from the moment that it was made; no definitions may be none, or an empty table."""
    form = deployment.parameter_openapi_schema or {}
    return {
        "schedules": [(each.slug, each.active, each.schedule.interval) for each in deployment.schedules],
        "form": {name: part for name, part in form.items() if part},
    }


async def _change_limits(pool: int, bulk: int) -> None:
    async with get_client() as client:
        await client.update_work_pool("omero-main", WorkPoolUpdate(concurrency_limit=pool))
        queue = await client.read_work_queue_by_name("bulk", work_pool_name="omero-main")
        await client.update_work_queue(queue.id, concurrency_limit=bulk)


async def _limits() -> tuple[int | None, int | None]:
    async with get_client() as client:
        pool = await client.read_work_pool("omero-main")
        return pool.concurrency_limit, (await _queues("omero-main"))["bulk"].concurrency_limit


async def _queues(pool: str) -> dict[str, WorkQueue]:
    async with get_client() as client:
        return {each.name: each for each in await client.read_work_queues(work_pool_name=pool)}


async def _pause_the_rounds() -> None:
    async with get_client() as client:
        found = await client.read_deployment_by_name("housekeeping/courier")
        await client.update_deployment_schedule(found.id, found.schedules[0].id, active=False)


async def _locks() -> dict[str, int]:
    async with get_client() as client:
        found = await client.read_global_concurrency_limits(limit=200)
    return {each.name: each.limit for each in found if each.name in LOCKS}


@pytest.mark.parametrize("planned", PLANNED, ids=[each.full_name for each in PLANNED])
def test_every_entrypoint_loads(planned: PlannedDeployment) -> None:
    file, _, function = planned.entrypoint.partition(":")

    assert load_flow_from_entrypoint(f"{PROJECT / file}:{function}").name == planned.flow.name


def test_without_a_prefect_server_nothing_is_deployed_into_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        status = main([])

    assert status == 2
    assert "PREFECT_API_URL is not set" in capsys.readouterr().err


def test_each_server_gets_a_deployment_and_a_pool_of_its_own() -> None:
    servers = {"main": OmeroServer(host="a", runs=3), "teaching": OmeroServer(host="b")}

    planned = plan(SETTINGS.model_copy(update={"servers": servers}))

    assert [each.full_name for each in planned.deployments[:2]] == ["import-images/main", "import-images/teaching"]
    assert [(each.name, each.limit) for each in planned.pools[:2]] == [("omero-main", 3), ("omero-teaching", 2)]


@pytest.mark.parametrize(("runs", "bulk"), [(1, 1), (2, 1), (4, 3)])
def test_bulk_leaves_a_place_free_for_people(runs: int, bulk: int) -> None:
    servers = {"main": OmeroServer(host="a", runs=runs)}

    pool = plan(SETTINGS.model_copy(update={"servers": servers})).pools[0]

    assert {each.name: each.limit for each in pool.queues} == {"people": None, "bulk": bulk}


def test_lost_runs_cannot_keep_the_round_out_that_finds_them() -> None:
    pool = plan(SETTINGS).pools[-1]

    assert pool.limit is None
    assert {each.name: each.limit for each in pool.queues}["rounds"] is None


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("engine")
def test_prefects_own_command_writes_what_make_deploy_writes(tmp_path: Path) -> None:
    asyncio.run(deploy(SETTINGS))
    ours = asyncio.run(_read_deployments())
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    known = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"}

    subprocess.run(command, cwd=PROJECT, env={**os.environ, **known}, stdin=subprocess.DEVNULL, check=True, timeout=120)

    assert asyncio.run(_read_deployments()) == ours


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("engine")
def test_limits_that_an_operator_changed_survive_a_deploy_unless_told_otherwise() -> None:
    asyncio.run(deploy(SETTINGS))
    asyncio.run(_change_limits(7, 5))

    asyncio.run(deploy(SETTINGS))
    kept = asyncio.run(_limits())
    asyncio.run(deploy(SETTINGS, limits=True))

    assert (kept, asyncio.run(_limits())) == ((7, 5), (3, 2))


@pytest.mark.usefixtures("engine")
def test_rounds_that_an_operator_paused_stay_paused() -> None:
    asyncio.run(deploy(SETTINGS))
    asyncio.run(_pause_the_rounds())

    asyncio.run(deploy(SETTINGS))

    assert asyncio.run(_read_deployments())["housekeeping/courier"]["schedules"][0][1] is False


@pytest.mark.usefixtures("engine")
def test_there_is_a_lock_of_one_place_for_each_stripe() -> None:
    asyncio.run(deploy(SETTINGS))

    assert asyncio.run(_locks()) == dict.fromkeys(LOCKS, 1)
    assert len(LOCKS) == names.STRIPES


@pytest.mark.usefixtures("engine")
def test_people_come_before_bulk() -> None:
    asyncio.run(deploy(SETTINGS))

    queues = asyncio.run(_queues("omero-main"))

    assert (queues["people"].priority or 0) < (queues["bulk"].priority or 0)
