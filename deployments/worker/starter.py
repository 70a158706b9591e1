"""Starts the process of one flow run, so that nothing but its own work and our word ends it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.settings.context import get_current_settings
from prefect.utilities.processutils import command_from_string, open_process, sanitize_subprocess_env
from prefect.workers.process import ProcessJobConfiguration

_ENGINE = f"{sys.executable} -m prefect.engine"


class Starter:
    """As Prefect's own (`EngineCommandStarter`), but the process has no pipe to the worker that could break.

    Otherwise, once the worker was killed, the next line of the run's log would end the run.
    """

    def __init__(self, configuration: ProcessJobConfiguration, folder: Path, channel: ControlChannel) -> None:
        """Prepare it.

        Args:
            configuration: what the deployment says of its processes.
            folder: where it starts.
            channel: over which the worker tells it of a cancel, and hears how it ended.
        """
        self._configuration = configuration
        self._folder = folder
        self._channel = channel

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Start it, say so, and return when it has ended."""
        # A session, or on Windows a group, of its own: Ctrl-C in the worker's terminal does not reach it.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        async with open_process(
            command_from_string(self._configuration.command or _ENGINE),
            stdin=subprocess.DEVNULL,
            stdout=None,
            stderr=None,
            env=sanitize_subprocess_env(self._environment(flow_run)),
            cwd=self._folder,
            **apart,
        ) as process:
            scope = create_isolated_termination_scope(process.pid)
            task_status.started(ProcessHandle(process, termination_scope=scope))
            await process.wait()

    def _environment(self, flow_run: FlowRun) -> dict[str, str | None]:
        port, token = self._channel.register(flow_run.id)
        return {
            **os.environ,
            **self._configuration.env,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
        }
