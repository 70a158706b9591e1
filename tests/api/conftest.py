"""Runs kept by the workflow engine, and by the one in memory that stands for it elsewhere."""

import pytest

from api.prefect_runs import PrefectRuns
from tests.support.api import RunsInMemory


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["in memory", "in Prefect"])
def kind(request) -> str:
    """The fake, and the real one."""
    if request.param == "in Prefect":
        request.getfixturevalue("engine")
    return request.param


@pytest.fixture
async def runs(kind, anyio_backend):
    if kind == "in memory":
        yield RunsInMemory()
        return
    async with PrefectRuns.connected() as connected:
        yield connected


@pytest.fixture
async def prefect(engine, anyio_backend):
    """The real one alone."""
    async with PrefectRuns.connected() as connected:
        yield connected
