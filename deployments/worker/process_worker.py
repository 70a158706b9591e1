"""Prefect's process worker, which here takes runs only when it may, and outlives the absence of its server.

What differs from Prefect's own, 3.8.8:
a run is named by host and process id, from the moment it is claimed, so that a dead one can be told from a living one;
its process is no part of the worker's session, and outlives it (`starter.py`);
an error while one run is submitted leaves the others alone, and a run that was given back is taken again only once its
process has ended (there, either ends the worker and all that it runs);
a process that hangs does not keep its run from being taken again: it is killed then;
a process that was killed is reported once (there twice, and the second time may hit the run's next attempt).
"""

import abc
import os
import socket
import tempfile
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import anyio
import anyio.abc
from prefect._internal.attempt_control import StateOwnershipDelegation
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.workers.base import BaseWorkerResult
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from deployments.worker.forked import ForkServer
from deployments.worker.starter import Starter
from flows.core.names import station_of

GRACE_SECONDS = 10.0
"""A process that is still there that long after its run is due again hangs, and was given up: it is killed."""
QUEUES_SECONDS = 10.0
"""Between two looks which queues there are."""
_SETTLED = StateOwnershipDelegation("reschedule")


def place(pid: int | None) -> str:
    """Name a process to Prefect."""
    return f"{socket.gethostname()}:{pid}"


class CourierWorker(ProcessWorker, abc.ABC):
    """Runs flow runs as processes of this machine.

    It is marked abstract so that it does not take the place of Prefect's own in Prefect's registry.
    """

    def __init__(
        self,
        pool: str,
        name: str,
        limit: int,
        closed: Callable[[], bool],
        *,
        station: str | None = None,
        queues: Sequence[str] = (),
    ) -> None:
        """Prepare it.

        Args:
            pool: the work pool that it takes runs from; it is not made here.
            name: the worker's own.
            limit: runs at a time.
            closed: whether no run may be taken at the moment.
            station: the workstation whose queues it takes from; None takes from all but those of workstations.
            queues: from which it takes runs; none means all that are its own.
        """
        super().__init__(
            work_pool_name=pool,
            work_queues=list(queues) or None,
            name=name,
            limit=limit,
            create_pool_if_not_found=False,
        )
        self._closed = closed
        self._fork_server = ForkServer()
        self._station = station
        self._queues_read = float("inf") if queues else float("-inf")
        self._contexts: dict[UUID, FlowRunExecutorContext] = {}
        self._carried: set[UUID] = set()
        self._due_again: dict[UUID, float] = {}
        """Runs that are due although their earlier process is still there, and since when."""

    async def __aexit__(self, *exc_info: Any) -> None:
        """End; what still runs goes on."""
        try:
            await super().__aexit__(*exc_info)
        finally:
            self._fork_server.close()

    @property
    def busy(self) -> int:
        """How many runs it takes or carries out."""
        return len(self._carried | self._submitting_flow_run_ids)

    def occupy(self, who: Hashable) -> None:
        """Keep a place for a run that somebody else started, if one is free."""
        with suppress(anyio.WouldBlock):
            self.limiter.acquire_on_behalf_of_nowait(who)

    def vacate(self, who: Hashable) -> None:
        """Give that place back."""
        with suppress(RuntimeError):  # none was free
            self.limiter.release_on_behalf_of(who)

    async def kill_all(self) -> None:
        """End the processes of all runs at once: they count as crashed."""
        for run_id, context in list(self._contexts.items()):
            await context.process_manager.kill(run_id, force=True)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take runs, if any may be taken."""
        if self._closed() or not await self._knows_its_queues():
            return []
        return await super().get_and_submit_flow_runs()

    async def _knows_its_queues(self) -> bool:
        """See which queues are its own: operators and `make deploy` may make others at any time.

        A worker that names none would be given the runs of all of them.
        """
        if time.monotonic() - self._queues_read > QUEUES_SECONDS:
            there = await self.client.read_work_queues(work_pool_name=self._work_pool_name)
            self._work_queues = {each.name for each in there if station_of(each.name) == self._station}
            self._queues_read = time.monotonic()
        return bool(self._work_queues)

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        for each in flow_run_response:
            if each.flow_run.id in self._contexts:
                await self._end_earlier(each.flow_run)
        return await super()._submit_scheduled_flow_runs(
            [each for each in flow_run_response if each.flow_run.id not in self._carried]
        )

    async def _end_earlier(self, flow_run: FlowRun) -> None:
        """Kill the earlier process of a run that is due again, if it does not end by itself."""
        since = self._due_again.setdefault(flow_run.id, time.monotonic())
        if time.monotonic() - since > GRACE_SECONDS:
            self._logger.warning("%s is due again: its earlier process, which hangs, is killed", flow_run.name)
            await self._contexts[flow_run.id].process_manager.kill(flow_run.id, force=True)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        """Claim a run, in our name until it has a process."""
        if self._closed() or not await super()._propose_pending_state(flow_run):
            return False
        await self.client.update_flow_run(flow_run.id, infrastructure_pid=place(os.getpid()))
        return True

    async def _submit_run(self, flow_run: FlowRun) -> None:
        try:
            await super()._submit_run(flow_run)
        except Exception:
            self._logger.warning("%s is not started, it is taken again later", flow_run.name, exc_info=True)
            self._release_limit_slot(flow_run.id)
            self._submitting_flow_run_ids.discard(flow_run.id)

    async def _submit_run_and_capture_errors(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[int | Exception] | None = None
    ) -> BaseWorkerResult | Exception:
        self._carried.add(flow_run.id)
        try:
            return await super()._submit_run_and_capture_errors(flow_run, task_status)
        finally:
            self._carried.discard(flow_run.id)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Carry out a run in a process, and return when that has ended."""
        with tempfile.TemporaryDirectory(suffix="prefect") as scratch:
            async with FlowRunExecutorContext() as context:
                self._contexts[flow_run.id] = context
                try:
                    ended = await self._execute(context, flow_run, configuration, Path(scratch), task_status)
                finally:
                    del self._contexts[flow_run.id]
                    self._due_again.pop(flow_run.id, None)
        # Whatever its status was, it has been reported.
        return ProcessWorkerResult(status_code=0, identifier=str(ended.handle.pid))

    async def _execute(
        self,
        context: FlowRunExecutorContext,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        scratch: Path,
        task_status: anyio.abc.TaskStatus[Any] | None,
    ) -> FlowRunExecutionResult:
        folder = (configuration.working_dir or scratch).resolve()
        starter = Starter(configuration, folder, context.control_channel, self._fork_server)
        executor = context.create_executor(
            flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
        )
        concluded = context.control_channel.get_conclusion
        # The end of an earlier process says nothing of a run that is due again.
        executor._get_attempt_conclusion = lambda run: _SETTLED if run in self._due_again else concluded(run)  # noqa: SLF001
        results: list[FlowRunExecutionResult | None] = []

        async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
            results.append(await executor.submit(task_status=task_status))

        async with anyio.create_task_group() as tasks:
            handle = cast("ProcessHandle", await tasks.start(execute))
            if task_status is not None:
                # Prefect only turns it into text: the run's `infrastructure_pid`.
                task_status.started(place(handle.pid))
        if results[0] is None:
            raise RuntimeError(f"the process of {flow_run.name} could not be watched to its end")
        return results[0]
