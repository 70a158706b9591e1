"""A running sandbox that is to be hurt: its parts and the processes of its imports, and whether all is well."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from deployments.sandbox import postgres, processes
from deployments.sandbox.environment import SERVER
from deployments.sandbox.home import Running
from deployments.sandbox.understudy.control import Control
from flows.core import names
from flows.core.settings import Settings

DATABASE, PREFECT, API = "database", "Prefect server", "API"
OMERO, MAIL = "OMERO stand-in", "mail sink"
WORKER, HOUSEKEEPER = "worker", "housekeeper"
"""The worker of the imports, and that of housekeeping and of messages that could not be sent at once."""
ENGINES = {"prefect.engine", "deployments.worker.fork_server"}
"""One of them is in the command of every process of a flow run."""
FLOW_RUN = "PREFECT__FLOW_RUN_ID"
"""In its environment: which run it is. Set by Prefect's worker."""
HEALED_SECONDS = 90.0
_LOOK_SECONDS = (0.1, 0.5)
"""Between two looks, at first and in the end: each look costs what is waited for."""


class NotHealed(Exception):
    """Something did not come about in time."""


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something to become true.

    Raises:
        NotHealed: it did not.
    """
    end = time.monotonic() + seconds
    pause, longest = _LOOK_SECONDS
    while not true():
        if time.monotonic() > end:
            raise NotHealed(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
        pause = min(1.2 * pause, longest)


class Machine:
    """Everything that runs for the courier."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.home = running.home
        self.omero = Control(running.omero_control)
        self._prefect = httpx.Client(base_url=f"{running.prefect}/api", trust_env=False, timeout=10)

    def close(self) -> None:
        """Ask no more."""
        self._prefect.close()

    # Parts

    def pids(self) -> dict[str, int | None]:
        """The process of each part; None while it is down."""
        with suppress(FileNotFoundError):
            found: dict[str, int | None] = json.loads(self.home.pids.read_text())
            return found
        return {}

    def signal(self, part: str, what: signal.Signals) -> None:
        """Send a part a signal; one that is down feels nothing."""
        if (pid := self.pids().get(part)) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def kill(self, *parts: str) -> None:
        """Kill parts, as a power cut does; the sandbox starts them again."""
        for part in parts:
            self.signal(part, signal.SIGKILL)

    @contextmanager
    def down(self, *parts: str) -> Iterator[None]:
        """Kill parts and keep them down."""
        holds = [self.home.holds / part for part in parts]
        for hold in holds:
            hold.touch()
        try:
            self.kill(*parts)
            yield
        finally:
            for hold in holds:
                hold.unlink()

    @contextmanager
    def suspended(self, part: str) -> Iterator[None]:
        """A part that hangs."""
        self.signal(part, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(part, signal.SIGCONT)

    # Processes of flow runs

    def flows_by_run(self) -> list[tuple[psutil.Process, str]]:
        """The processes of flow runs, and which runs they are; workers that died leave theirs behind."""
        marked = processes.marked(self.running.marker)
        return [(each, run) for each in marked if (run := _run_of(each)) is not None]

    def flows(self, run_id: str) -> list[psutil.Process]:
        """The processes of a run."""
        return [each for each, run in self.flows_by_run() if run == run_id]

    def kill_flows(self, run_id: str) -> None:
        """Kill the processes of a run."""
        for each in self.flows(run_id):
            with suppress(psutil.NoSuchProcess):
                each.kill()

    # Health

    def well(self) -> bool:
        """Whether every part is up and answers."""
        return all(self.pids().values()) and not self.ailing()

    def ailing(self) -> list[str]:
        """What does not answer."""
        probes = {
            DATABASE: self._database_answers,
            PREFECT: lambda: httpx.get(f"{self.running.prefect}/api/ready", timeout=3, trust_env=False).is_success,
            API: lambda: httpx.get(f"{self.running.api}/health/live", timeout=3, trust_env=False).is_success,
            OMERO: lambda: self.omero.stats() is not None,
            MAIL: self._mail_answers,
        }
        return [name for name, probe in probes.items() if not _true(probe)]

    def heal(self, seconds: float = HEALED_SECONDS) -> None:
        """Wait until all is well.

        Raises:
            NotHealed: it does not become so.
        """
        until(self.well, seconds, f"all is well again; now {self.pids()}")

    def _database_answers(self) -> bool:
        command = postgres.is_ready(Path(self.running.database))
        return subprocess.run(command, check=False, timeout=5).returncode == 0

    def _mail_answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.running.smtp_port), timeout=3):
            return True

    # Prefect

    def prefect(self, path: str, **body: Any) -> Any:
        """Ask Prefect's API, through its moments of absence."""
        end = time.monotonic() + HEALED_SECONDS
        while True:
            try:
                return self._prefect.post(path, json=body).raise_for_status().json()
            except httpx.HTTPError:
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """Return all flow runs that are in one of these types of state."""
        chosen = {"flow_runs": {"state": {"type": {"any_": list(states)}}}}
        found: list[dict[str, Any]] = []
        while page := self.prefect("/flow_runs/filter", **chosen, limit=200, offset=len(found), sort="ID_DESC"):
            found += page
        return found

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """Return the states of a flow run, oldest first."""
        answer = self._prefect.get("/flow_run_states/", params={"flow_run_id": run_id})
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return sorted(found, key=lambda state: str(state["timestamp"]))

    def places(self) -> list[tuple[str, int, int]]:
        """Return the pools of OMERO servers, how many imports each lets run, and how many its operator wants."""
        servers = Settings(_env_file=self.home.settings).servers
        pools = [(names.pool_of(name), server.runs) for name, server in servers.items()]
        return [
            (pool, self._prefect.get(f"/work_pools/{pool}").json()["concurrency_limit"], runs) for pool, runs in pools
        ]

    def deployment(self) -> dict[str, Any]:
        """Return the deployment of the imports."""
        answer = self._prefect.get(f"/deployments/name/{names.IMPORT_FLOW}/{SERVER}")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def change_deployment(self, changes: dict[str, Any]) -> None:
        """Change it, as an operator might by accident."""
        self._prefect.patch(f"/deployments/{self.deployment()['id']}", json=changes).raise_for_status()


def _run_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(FLOW_RUN) if ENGINES & set(process.cmdline()) else None
    except psutil.Error:
        return None


def _true(probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except (OSError, httpx.HTTPError, ValueError, subprocess.TimeoutExpired):
        return False
