"""A worker from start to end: it takes runs when it may, tells them what the machine wishes, and stops in order.

Prefect's own loop is not used: it gives up after half a minute without its server, and a signal kills what runs.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import anyio
import httpx
import psutil
from anyio.abc import TaskGroup
from prefect.client.orchestration import get_client
from prefect.logging import get_logger
from prefect.settings import PREFECT_WORKER_HEARTBEAT_SECONDS, PREFECT_WORKER_QUERY_SECONDS

from deployments.worker import orphans
from deployments.worker.holds import Holds
from deployments.worker.places import Places, running
from deployments.worker.process_worker import CourierWorker
from flows.core.names import COURIER_POOL, bandwidth_name
from flows.core.settings import Worker
from flows.core.worker_orders import Orders, write_orders
from flows.upkeep.lost import lost_on_host

LOOK_SECONDS = 0.5
"""Between two looks at the machine."""
BANDWIDTH_SECONDS = 5.0
"""Between two looks whether an operator changed the bandwidth."""
KILL_SECONDS = 60.0
"""Runs that are still there that long after `drain_seconds` are killed; housekeeping revives them elsewhere."""
SETTLE_SECONDS = 20.0
"""After which a run that was just claimed when its worker died can be told from one that starts."""
log = get_logger("courier.worker")


class Launcher:
    """One worker."""

    def __init__(
        self,
        settings: Worker,
        places: Places,
        *,
        name: str,
        pool: str,
        station: str | None = None,
        queues: Sequence[str] = (),
    ) -> None:
        """Prepare it.

        Args:
            settings: how gently it treats its machine.
            places: its files.
            name: its name in Prefect.
            pool: the work pool that it takes runs from.
            station: the workstation that it is on, whose runs alone it takes; None leaves those to their own workers.
            queues: of the pool, from which it takes runs; none means all.
        """
        self._settings = settings
        self._places = places
        self._name = name
        self._holds = Holds(settings)
        # Housekeeping and messages disturb nobody, and are there for the imports that wait. Sweeps obey the orders.
        self._takes_always = pool == COURIER_POOL
        self._worker = CourierWorker(pool, name, settings.limit, self._is_closed, station=station, queues=queues)
        self._orphans: list[psutil.Process] = []
        self._orders = Orders()
        self._written: Orders | None = None
        self._unwritten = False
        self._bandwidth = settings.bandwidth
        self._signals = 0
        self._killing = False

    async def run(self) -> None:
        """Work until somebody asks for the end, and until what runs has given its place back."""
        self._listen()
        self._orphans = orphans.left_behind(self._places.orders)
        for each in self._orphans:
            log.info("Process %d of an earlier start goes on", each.pid)
        self._tell_runs()
        async with self._worker, anyio.create_task_group() as loops:
            for each in self._orphans:
                self._worker.occupy(each)
            loops.start_soon(self._repeat, self._worker._sync_and_initialize, PREFECT_WORKER_HEARTBEAT_SECONDS.value())  # noqa: SLF001
            loops.start_soon(self._take_runs)
            loops.start_soon(self._end_lost_later, SETTLE_SECONDS)
            loops.start_soon(self._repeat, self._read_bandwidth, BANDWIDTH_SECONDS)
            log.info("Worker %s is there", self._name)
            await self._watch(loops)
            loops.cancel_scope.cancel()
        log.info("Worker %s has ended", self._name)

    def _listen(self) -> None:
        """Take all signals upon us, those too that a shell's background job would ignore."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)):
            try:
                loop.add_signal_handler(each, self._heed_signal)
            except NotImplementedError:  # Windows
                signal.signal(each, lambda *_: loop.call_soon_threadsafe(self._heed_signal))

    def _heed_signal(self) -> None:
        self._signals += 1

    def _is_closed(self) -> bool:
        """Say whether no run may be taken at this moment."""
        return self._orders.draining is not None or (not self._takes_always and self._holds.reason() is not None)

    async def _take_runs(self) -> None:
        """End what died with an earlier worker, then take runs."""
        await self._until_done(self._end_lost)
        await self._repeat(self._worker.get_and_submit_flow_runs, PREFECT_WORKER_QUERY_SECONDS.value())

    async def _repeat(self, work: Callable[[], Awaitable[object]], interval: float) -> None:
        while True:
            await self._until_done(work)
            await anyio.sleep(interval)

    async def _until_done(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something, again and again until it succeeds: Prefect may be away for long."""
        pause = LOOK_SECONDS
        while True:
            level = logging.WARNING if pause == LOOK_SECONDS else logging.DEBUG
            try:
                await work()
            except httpx.HTTPError as error:
                log.log(level, "Prefect does not answer, it is asked again: %s", type(error).__name__)
            except Exception:
                log.log(level, "Something went wrong, it is tried again", exc_info=True)
            else:
                return
            await anyio.sleep(pause)
            pause = min(2 * pause, BANDWIDTH_SECONDS)

    async def _end_lost(self) -> None:
        """End the runs of this machine whose process is gone."""
        await anyio.to_thread.run_sync(end_lost, self._places.entry.parent)

    async def _end_lost_later(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        await self._until_done(self._end_lost)

    async def _watch(self, loops: TaskGroup) -> None:
        """Look at the machine until everything has ended after somebody asked for it."""
        while True:
            for gone in [each for each in self._orphans if not orphans.lives(each)]:
                self._orphans.remove(gone)
                self._worker.vacate(gone)
                loops.start_soon(self._end_lost_later, 0)
            self._tell_runs()
            if (since := self._orders.draining) is not None:
                if self._running == 0:
                    return
                late = (datetime.now(UTC) - since).total_seconds() > self._settings.drain_seconds + KILL_SECONDS
                if late or self._signals > 1:
                    await self._kill(because="they take too long" if late else "it was asked for again")
            await anyio.sleep(LOOK_SECONDS)

    @property
    def _running(self) -> int:
        return self._worker.busy + len(self._orphans)

    def _tell_runs(self) -> None:
        """Write the orders where they changed, and say so."""
        now, before = datetime.now(UTC), self._orders
        held = self._holds.reason()
        asked = self._signals > 0 or self._places.drain.exists()
        draining = before.draining or (now if asked else None)
        orders = Orders(
            draining=draining,
            held=held,
            held_since=None if held is None else before.held_since or now,
            bytes_per_second=None if self._bandwidth is None else max(1, self._bandwidth // max(1, self._running)),
        )
        self._orders = orders
        self._write()
        if draining is not None and before.draining is None:
            log.info("It takes no more runs, and ends when the %d that it has gave their places back", self._running)
        if held != before.held:
            who = "Its sweeps pause" if self._takes_always else "It pauses"
            log.info("%s: %s", who, held) if held else log.info("It goes on: the machine is free again")

    def _write(self) -> None:
        """Write the orders where they changed; a disk that is full now may have room later."""
        if self._written == self._orders:
            return
        try:
            write_orders(self._places.orders, self._orders)
        except OSError as error:
            level = logging.DEBUG if self._unwritten else logging.WARNING
            log.log(level, "Its runs cannot be told what to do: %s", error)
            self._unwritten = True
        else:
            self._written, self._unwritten = self._orders, False

    async def _read_bandwidth(self) -> None:
        """Take over what an operator set in Prefect: a number of bytes per second, 0 for no limit."""
        variable = await self._worker.client.read_variable_by_name(bandwidth_name(self._name))
        bandwidth = self._settings.bandwidth if variable is None else bytes_per_second(variable.value)
        if bandwidth != self._bandwidth:
            log.info("Its runs may send %s", f"{bandwidth} bytes per second" if bandwidth else "as fast as it goes")
            self._bandwidth = bandwidth

    async def _kill(self, *, because: str) -> None:
        if not self._killing:
            log.warning("It kills %d runs: %s", self._running, because)
        self._killing = True
        await self._worker.kill_all()
        for each in self._orphans:
            orphans.kill(each)


def bytes_per_second(value: object) -> int | None:
    """Read the value of the variable; what is no number, or none above 0, sets no limit."""
    try:
        return max(0, int(str(value))) or None
    except ValueError:
        return None


def end_lost(directory: Path) -> None:
    """Mark runs Crashed whose process was on this host and is gone: housekeeping starts them again."""

    def is_alive(run_id: UUID, pid: int) -> bool:
        return pid in [each.pid for each in running(directory)] or orphans.is_carried_out(str(run_id))

    with get_client(sync_client=True) as client:
        for run_id in lost_on_host(client, socket.gethostname(), is_alive):
            log.warning("Run %s died with an earlier worker", run_id)
