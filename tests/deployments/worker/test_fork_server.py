"""Processes of flow runs that are copies of one that is ready: what others see of them, and what outlives what."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import psutil
import pytest

from deployments.worker import forked
from deployments.worker.fork_server import ENGINE, RUN_ID
from deployments.worker.forked import UNKNOWN, Forked, ForkServer, NotForked
from deployments.worker.orphans import ORDERS, carried_out, lives

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not forked.WORKS, reason="Copies of processes are left out: this is no Linux"),
]
NOWHERE = "http://127.0.0.1:9/api"
"""Nobody serves the port "discard": the engine of a run asks again and again."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForkServer]:
    """One that no test harms."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worker") / "one.orders.json"


@pytest.fixture(scope="module")
def environment(orders: Path) -> dict[str, str]:
    return {**os.environ, "PREFECT_API_URL": NOWHERE, ORDERS: str(orders), RUN_ID: str(uuid4())}


async def ended(process: Forked) -> int:
    with anyio.fail_after(60):
        return await process.wait()


async def becomes(true: Callable[[], object]) -> None:
    with anyio.fail_after(60):
        while not true():
            await anyio.sleep(0.05)


async def test_the_process_is_known_by_its_run_and_obeys_the_orders_of_its_worker(
    server: ForkServer, environment: dict[str, str], orders: Path, tmp_path: Path
) -> None:
    for run_id in (str(uuid4()), str(uuid4())):
        async with server.open({**environment, RUN_ID: run_id}, tmp_path) as process:
            await becomes(lambda: process.pid in [each.pid for each, file in carried_out() if file == orders])
            seen = psutil.Process(process.pid)
            await becomes(lambda: Path(seen.cwd()) == tmp_path)  # noqa: B023

            assert seen.environ()[RUN_ID] == run_id
            assert os.getsid(process.pid) == process.pid


async def test_its_status_is_told(server: ForkServer, environment: dict[str, str], tmp_path: Path) -> None:
    async with server.open(environment, tmp_path) as process:
        os.killpg(process.pid, signal.SIGKILL)
        killed = await ended(process)
    async with server.open({**environment, RUN_ID: "that is no number of any flow run at"}, tmp_path) as process:
        refused = await ended(process)

    assert (killed, refused) == (-signal.SIGKILL, 1)


async def test_one_that_nobody_waits_for_any_more_is_killed(
    server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    with anyio.CancelScope() as scope:
        async with server.open(environment, tmp_path) as process:
            scope.cancel()
            await process.wait()

    assert await ended(process) == -signal.SIGKILL


async def test_it_takes_runs_of_one_kind(server: ForkServer, environment: dict[str, str], tmp_path: Path) -> None:
    async with server.open(environment, tmp_path):
        assert server.suits(None, environment)
        assert server.suits(f"python -m {ENGINE}", environment)
        assert server.suits(
            f"{sys.executable} -m {ENGINE}",
            {**environment, RUN_ID: str(uuid4()), "PREFECT__CONTROL_TOKEN": "its own"},
        )
        assert not server.suits("prefect flow-run execute", environment)
        assert not server.suits(None, {**environment, "PREFECT_API_URL": "http://127.0.0.1:10/api"})
        assert not server.suits(None, {**environment, "COURIER_SERVER": "another"})


async def test_what_it_started_goes_on_when_the_server_dies_and_is_watched(
    environment: dict[str, str], tmp_path: Path
) -> None:
    server = ForkServer()
    async with server.open(environment, tmp_path) as process, server.open(environment, tmp_path) as another:
        parent = psutil.Process(process.pid).ppid()
        os.kill(parent, signal.SIGKILL)
        await becomes(lambda: not psutil.pid_exists(parent))

        assert lives(psutil.Process(process.pid))
        os.killpg(process.pid, signal.SIGKILL)
        assert await ended(process) == UNKNOWN
        assert another.returncode is None
    assert server.suits(None, environment)
    async with server.open(environment, tmp_path) as process:
        assert psutil.Process(process.pid).ppid() != parent
    server.close()


async def test_what_it_started_goes_on_when_its_worker_ends(environment: dict[str, str], tmp_path: Path) -> None:
    server = ForkServer()
    async with server.open(environment, tmp_path) as process:
        parent = psutil.Process(process.pid).ppid()
        server.close()

        assert not psutil.pid_exists(parent)
        assert lives(psutil.Process(process.pid))


async def test_a_server_that_cannot_begin_is_not_asked_again(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked, "ROOM", "no room")  # as where a process may not write to its own memory
    server = ForkServer()

    with pytest.raises(NotForked, match="ended with status"):
        async with server.open(environment, tmp_path):
            pass
    assert not server.suits(None, environment)
