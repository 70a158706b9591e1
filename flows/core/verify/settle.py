"""Waits, not longer than needed, until a file has been left alone for the quiet period."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from flows.core.control import Control
from flows.core.disk import told_of
from flows.core.errors import SourceUnsettled
from flows.core.remotes import Look, Place, Store
from flows.core.settings import Verification

_LONGEST_NAP = 0.5
"""Seconds until a cancelled import is noticed."""


@dataclass(frozen=True)
class Clock:
    """The time, and waiting."""

    now: Callable[[], float] = time.time
    """Seconds since 1970, as file times are."""
    wait: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()


def settled(
    path: str, which: str, *, settings: Verification, control: Control, clock: Clock, store: Store | None = None
) -> os.stat_result | Look:
    """Return what a file looks like once it has not changed for `settings.settle_seconds`.

    A file that is old enough is not waited for. A time in the future, from a server whose clock is ahead, says
    nothing, nor does none at all: then two looks, that long apart, have to be the same.
    `store` reaches a file on another machine.

    Raises:
        SourceUnsettled: it changed before each of `settings.settle_attempts` looks.
        SourceMissing: it went away.
    """
    look = _look(path, which, store)
    for _ in range(settings.settle_attempts):
        age = clock.now() - look.st_mtime if look.st_mtime_ns else 0.0
        if age >= settings.settle_seconds:
            return look
        _wait(settings.settle_seconds - max(age, 0), control, clock)
        again = _look(path, which, store)
        if (again.st_size, again.st_mtime_ns) == (look.st_size, look.st_mtime_ns):
            return again
        look = again
    raise SourceUnsettled(which=which)


def _look(path: str, which: str, store: Store | None) -> os.stat_result | Look:
    if store is not None:
        return store.look(Place.parse(path).path, which)
    with told_of(which):
        return os.lstat(path)


def _wait(seconds: float, control: Control, clock: Clock) -> None:
    until = clock.now() + seconds
    while (left := until - clock.now()) > 0:
        control.check()
        clock.wait(min(left, _LONGEST_NAP))
