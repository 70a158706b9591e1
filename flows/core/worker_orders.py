"""What a worker asks of its runs, in a small file: to stop, to wait, to send more slowly; and how they obey.

The worker writes the file whole whenever something changes. Each run looks at it through a `Gate` while it works.
"""

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import psutil
from pydantic import BaseModel, ConfigDict

from flows.core.errors import RunPutOff
from flows.core.settings import Worker

LOOK_SECONDS = 0.25
"""How old may be what a run knows of its orders, and how long it sleeps at most before it looks again."""
_STOPS = "The worker that ran this import stops."
_IN_NO_HURRY = 10
"""From this niceness on Windows, which knows classes only, runs a process when nothing else wants the processor."""
_LAST_OF_ITS_CLASS = 7


class Orders(BaseModel):
    """What all runs of one worker are to do."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    draining: datetime | None = None
    """Since when the worker wants to stop: give the place back after this fileset, or soon in the midst of it."""
    held: str | None = None
    """Why nothing may be imported at the moment."""
    held_since: datetime | None = None
    bytes_per_second: int | None = None
    """What each run may send; None: as much as goes."""


class Clock:
    """Time as it passes; tests have one that they wind themselves."""

    def now(self) -> datetime:
        """Return the time of day, which the worker and its runs share."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def read_orders(file: Path) -> Orders:
    """Return what the file says; no file, no orders."""
    try:
        return Orders.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Orders()


def write_orders(file: Path, orders: Orders) -> None:
    """Write the file whole: a reader sees the old orders or the new ones."""
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(orders.model_dump_json())
    partial.replace(file)


class Bucket:
    """Fills with the bytes that may be sent, up to those of one second, and hands them out; may be shared by threads.

    A piece larger than that is handed out when the bucket is full, which then owes the rest. So in any time at most
    the rate times that time is sent, and one bucketful or one piece more.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin full."""
        self._clock = clock
        self._lock = threading.Lock()
        self._level: float | None = None
        self._looked = 0.0

    def take(self, count: int, rate: int | None) -> float:
        """Take `count` bytes at `rate` per second and return 0, or take none and return the seconds to wait."""
        with self._lock:
            if rate is None:
                self._level = None
                return 0.0
            now = self._clock.monotonic()
            filled = rate if self._level is None else min(rate, self._level + rate * (now - self._looked))
            self._level, self._looked = filled, now
            missing = min(count, rate) - filled
            if missing >= 1:  # less is rounding, which no sleep is short enough for
                return missing / rate
            self._level -= count
            return 0.0


class Gate:
    """Holds a run to the orders of its worker; may be shared by threads."""

    def __init__(
        self, settings: Worker, still_wanted: Callable[[], None] = lambda: None, *, clock: Clock | None = None
    ) -> None:
        """Look at the file that the settings name; without one there are no orders.

        Args:
            settings: those of the worker.
            still_wanted: called again and again while the run waits; what it raises ends the wait.
            clock: the time.
        """
        self._settings = settings
        self._still_wanted = still_wanted
        self._clock = clock or Clock()
        self._bucket = Bucket(self._clock)
        self._lock = threading.Lock()
        self._orders = Orders()
        self._seen: tuple[int, int] | None = None
        self._look_again = 0.0

    def check(self) -> None:
        """Return when the run may go on; waits while it is held.

        Raises:
            RunPutOff: it is to go on later: the worker stops, or the pause lasts longer than a place is kept.
        """
        while True:
            self._still_wanted()
            orders = self.orders()
            if orders.draining and (orders.held or self._lasts(orders.draining, self._settings.drain_seconds)):
                raise RunPutOff(_STOPS)
            if orders.held is None:
                return
            if orders.held_since is None or self._lasts(orders.held_since, self._settings.patience):
                raise RunPutOff(f"Imports pause on this machine: {orders.held}.")
            self._clock.sleep(LOOK_SECONDS)

    def between_filesets(self) -> None:
        """Return when the run may begin something new.

        Raises:
            RunPutOff: it is to go on later.
        """
        if self.orders().draining:
            raise RunPutOff(_STOPS)
        self.check()

    def pace(self, count: int) -> None:
        """Wait until `count` further bytes may be sent.

        Raises:
            RunPutOff: the run is to go on later; they are not sent.
        """
        while wait := self._bucket.take(count, self.orders().bytes_per_second):
            self._clock.sleep(min(wait, LOOK_SECONDS))
            self.check()

    def orders(self) -> Orders:
        """Return the orders as they are, or were a moment ago."""
        if self._settings.orders is None:
            return self._orders
        with self._lock:
            if self._clock.monotonic() >= self._look_again:
                self._look(self._settings.orders)
                self._look_again = self._clock.monotonic() + LOOK_SECONDS
            return self._orders

    def _look(self, file: Path) -> None:
        try:
            found = file.stat()
        except FileNotFoundError:
            self._orders, self._seen = Orders(), None
            return
        # A file that was replaced is another one, even within the same tick of its time stamp.
        if (seen := (found.st_ino, found.st_mtime_ns)) != self._seen:
            self._orders, self._seen = read_orders(file), seen

    def _lasts(self, since: datetime, seconds: float) -> bool:
        return (self._clock.now() - since).total_seconds() >= seconds


def be_gentle(settings: Worker) -> None:
    """Let other programs go first, from now on, as the settings ask; threads and processes begun later inherit it."""
    me = psutil.Process()
    if sys.platform == "win32":
        if settings.nice > 0:
            idle = settings.nice >= _IN_NO_HURRY
            me.nice(psutil.IDLE_PRIORITY_CLASS if idle else psutil.BELOW_NORMAL_PRIORITY_CLASS)
        if settings.io_class != "none":
            me.ionice(psutil.IOPRIO_VERYLOW if settings.io_class == "idle" else psutil.IOPRIO_LOW)
        return
    me.nice(max(settings.nice, me.nice()))  # to go back to a lower one is not allowed
    if sys.platform == "linux" and settings.io_class == "idle":
        me.ionice(psutil.IOPRIO_CLASS_IDLE)
    if sys.platform == "linux" and settings.io_class == "best-effort":
        me.ionice(psutil.IOPRIO_CLASS_BE, _LAST_OF_ITS_CLASS)
