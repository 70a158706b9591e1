"""Flow runs whose processes live on this machine: which they are, and those that a dead worker left behind."""

import os
import signal
from pathlib import Path

import psutil

from deployments.worker.fork_server import RUN_ID

ORDERS = "COURIER_WORKER__ORDERS"
"""Our mark of the worker that it belongs to."""


def is_carried_out(run_id: str) -> bool:
    """Say whether a process on this machine carries out this run."""
    return any(_environment(each).get(RUN_ID) == run_id for each in psutil.process_iter())


def left_behind(orders: Path) -> list[psutil.Process]:
    """Return the processes of flow runs, each the first of its group, that obey these orders."""
    return [process for process, file in carried_out() if file == orders]


def carried_out() -> list[tuple[psutil.Process, Path]]:
    """Return the processes of flow runs on this machine, each the first of its group, and the orders that they obey."""
    found = [(each, _environment(each)) for each in psutil.process_iter()]
    return [(each, Path(said[ORDERS])) for each, said in found if {RUN_ID, ORDERS} <= said.keys() and _leads(each.pid)]


def _environment(process: psutil.Process) -> dict[str, str]:
    """Return that of a living process of our own account; others have none that concerns us."""
    try:
        return process.environ() if lives(process) else {}
    except psutil.Error:
        return {}


def _leads(pid: int) -> bool:
    if os.name == "nt":
        return True
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def lives(process: psutil.Process) -> bool:
    """Say whether a process still does something."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(process: psutil.Process) -> None:
    """End a process, and its group where there are groups, at once."""
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
