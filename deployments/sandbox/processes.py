"""Finds every process of a sandbox by the marker in its environment, and ends them all."""

import contextlib
import os
import signal
import time

import psutil

from deployments.sandbox.postgres import FAST_SHUTDOWN

MARKER = "SANDBOX_ID"
"""The environment variable; children inherit it, flow runs and their children too."""
_LOOK_EVERY_SECONDS = 0.05


def marked(marker: str, besides: frozenset[int] = frozenset()) -> list[psutil.Process]:
    """Return the living processes that carry this marker."""
    return [each for each in psutil.process_iter() if each.pid not in besides and _carries(each, marker)]


def _carries(process: psutil.Process, marker: str) -> bool:
    try:
        return process.environ().get(MARKER) == marker and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_all(marker: str, *, grace: float, besides: frozenset[int] = frozenset()) -> None:
    """End them: asked first, killed after `grace` seconds, looked for again until none is left."""
    besides |= {os.getpid()}
    for each in marked(marker, besides):
        _tell(each, politely(each))
    until = time.monotonic() + grace
    while left := marked(marker, besides):
        if time.monotonic() > until:
            for each in left:
                _tell(each, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_SECONDS)


def politely(process: psutil.Process) -> signal.Signals:
    """Return the signal that ends this process soon and in order."""
    try:
        return FAST_SHUTDOWN if process.name() == "postgres" else signal.SIGTERM
    except psutil.NoSuchProcess:
        return signal.SIGTERM


def _tell(process: psutil.Process, what: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(what)
