"""Starts the process of one flow run, so that nothing but its own work and our word ends it."""

import os
import subprocess
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.settings.context import get_current_settings
from prefect.utilities.processutils import command_from_string, open_process, sanitize_subprocess_env
from prefect.workers.process import ProcessJobConfiguration

from deployments.worker.fork_server import ENGINE, RUN_ID
from deployments.worker.forked import Forked, ForkServer, NotForked

log = get_logger("courier.worker")


class Starter:
    """As Prefect's own (`EngineCommandStarter`), but the process has no pipe to the worker that could break.

    Otherwise, once the worker was killed, the next line of the run's log would end the run.
    """

    def __init__(
        self, configuration: ProcessJobConfiguration, folder: Path, channel: ControlChannel, fork_server: ForkServer
    ) -> None:
        """Prepare it.

        Args:
            configuration: what the deployment says of its processes.
            folder: where it starts.
            channel: over which the worker tells it of a cancel, and hears how it ended.
            fork_server: has processes that are ready.
        """
        self._fork_server = fork_server
        self._configuration = configuration
        self._folder = folder
        self._channel = channel

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Start it, say so, and return when it has ended."""
        environment = sanitize_subprocess_env(self._environment(flow_run))
        async with AsyncExitStack() as open_processes:
            process = await self._open(open_processes, environment)
            scope = create_isolated_termination_scope(process.pid)
            task_status.started(ProcessHandle(process, termination_scope=scope))  # type: ignore[arg-type]
            await process.wait()

    async def _open(self, stack: AsyncExitStack, environment: dict[str, str]) -> Forked | anyio.abc.Process:
        """Copy one that is ready, or start one."""
        if self._fork_server.suits(self._configuration.command, environment):
            try:
                return await stack.enter_async_context(self._fork_server.open(environment, self._folder))
            except NotForked as error:
                log.warning("The process of a run is started, not copied: %s", error)
        return await stack.enter_async_context(self._plainly(environment))

    def _plainly(self, environment: dict[str, str]) -> AbstractAsyncContextManager[anyio.abc.Process]:
        # A session, or on Windows a group, of its own: Ctrl-C in the worker's terminal does not reach it.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        return open_process(
            command_from_string(self._configuration.command or f"{sys.executable} -m {ENGINE}"),
            stdin=subprocess.DEVNULL,
            stdout=None,
            stderr=None,
            env=environment,
            cwd=self._folder,
            **apart,
        )

    def _environment(self, flow_run: FlowRun) -> dict[str, str | None]:
        port, token = self._channel.register(flow_run.id)
        return {
            **os.environ,
            **self._configuration.env,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            RUN_ID: str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
        }
