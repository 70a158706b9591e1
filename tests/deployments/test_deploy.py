"""`make deploy` and `prefect deploy --all` write the same set, which runs, and leave alone what an operator changed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploy import ENTRYPOINT, PROJECT, deploy, main, plan
from deployments.sandbox.home import Running
from flows.core.settings import OmeroServer, Settings

WRITTEN = ("entrypoint", "tags", "job_variables", "pull_steps", "work_queue_name", "parameter_openapi_schema")
SETTINGS = Settings(
    servers={"main": OmeroServer(host="omero.example.org", runs=3)}, seal_keys=(Fernet.generate_key().decode(),)
)


@pytest.fixture
def prefect_api(sandbox: Running) -> Iterator[str]:
    url = f"{sandbox.prefect}/api"
    with temporary_settings({PREFECT_API_URL: url}):
        yield url


async def _read_deployment() -> dict[str, Any]:
    async with get_client() as client:
        found = await client.read_deployment_by_name("import-images/main")
    return {name: getattr(found, name) for name in WRITTEN}


async def _limit(change_to: int | None = None) -> int | None:
    async with get_client() as client:
        if change_to is not None:
            await client.update_work_pool("omero-main", WorkPoolUpdate(concurrency_limit=change_to))
        return (await client.read_work_pool("omero-main")).concurrency_limit


async def _queues() -> dict[str, int | None]:
    async with get_client() as client:
        return {each.name: each.priority for each in await client.read_work_queues(work_pool_name="omero-main")}


def test_every_entrypoint_loads() -> None:
    flow = load_flow_from_entrypoint(f"{PROJECT / ENTRYPOINT.partition(':')[0]}:{ENTRYPOINT.partition(':')[2]}")

    assert flow.name == "import-images"


def test_without_a_prefect_server_nothing_is_deployed_into_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        status = main([])

    assert status == 2
    assert "PREFECT_API_URL is not set" in capsys.readouterr().err


def test_each_server_gets_a_deployment_and_a_pool_of_its_own() -> None:
    planned = plan({"main": OmeroServer(host="a", runs=3), "teaching": OmeroServer(host="b")})

    assert [(each.full_name, each.pool, each.runs) for each in planned] == [
        ("import-images/main", "omero-main", 3),
        ("import-images/teaching", "omero-teaching", 2),
    ]


@pytest.mark.sandbox
@pytest.mark.timeout(240)
def test_prefects_own_command_writes_what_make_deploy_writes(prefect_api: str, tmp_path: Path) -> None:
    asyncio.run(deploy(SETTINGS))
    ours = asyncio.run(_read_deployment())
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"}

    subprocess.run(command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, check=True, timeout=120)

    assert asyncio.run(_read_deployment()) == ours


@pytest.mark.sandbox
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("prefect_api")
def test_limits_that_an_operator_changed_survive_a_deploy_unless_told_otherwise() -> None:
    asyncio.run(deploy(SETTINGS))
    asyncio.run(_limit(7))

    asyncio.run(deploy(SETTINGS))
    kept = asyncio.run(_limit())
    asyncio.run(deploy(SETTINGS, limits=True))

    assert (kept, asyncio.run(_limit())) == (7, 3)


@pytest.mark.sandbox
@pytest.mark.usefixtures("prefect_api")
def test_people_come_before_bulk() -> None:
    asyncio.run(deploy(SETTINGS))

    queues = asyncio.run(_queues())

    assert queues["people"] is not None
    assert queues["bulk"] is not None
    assert queues["people"] < queues["bulk"]
