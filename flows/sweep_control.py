"""Lets a sweep go on while no other one of its folder can be under way, and its machine need not be left alone."""

import threading

from flows.core.control import Uncontrolled
from flows.core.errors import SweepUnderWay
from flows.core.settings import Worker
from flows.core.worker_orders import Gate


class SweepControl(Uncontrolled):
    """Asked at each folder, each fileset, and each chunk that is read."""

    def __init__(self, settings: Worker, is_lost: threading.Event | None = None) -> None:
        """Obey the orders of the worker; `is_lost` says that the lock of the sweep was lost."""
        self._is_lost = is_lost or threading.Event()
        self._gate = Gate(settings, self._check_is_alone)

    def check(self) -> None:
        """Return when the sweep may go on; waits while the machine is to be left alone.

        Raises:
            SweepUnderWay: another one may have begun.
            RunPutOff: that takes too long, or the worker stops: the next sweep goes on.
        """
        self._gate.check()

    def _check_is_alone(self) -> None:
        if self._is_lost.is_set():
            raise SweepUnderWay("Prefect was away, so that another sweep of this folder may have begun.")
