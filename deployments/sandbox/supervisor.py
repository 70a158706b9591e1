"""Starts parts in the order of their needs, watches them, and stops them in the opposite order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

STOP_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.05


class PartFailed(Exception):
    """A part ended that should run, or did not get ready; says which, and where its log is."""


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or the process that started this one is gone."""


@dataclass(frozen=True)
class Part:
    """A process of the sandbox."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Parts that must be ready before it starts, and that stop after it."""
    ready: Callable[[], bool] | None = None
    """Whether it can be used. None: it is a step, and ready once it has ended well."""
    log: Path | None = None
    """None: it writes where the supervisor writes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 120.0
    """Seconds until it must be ready."""
    stop_signal: signal.Signals = signal.SIGTERM
    may_end: bool = False
    """Somebody may end it in order: the others go on without it."""


@dataclass
class Started:
    """A part and its process."""

    part: Part
    process: subprocess.Popen[bytes]
    began: float
    is_ready: bool = False
    has_ended: bool = False
    """In order, and that was told."""


class Supervisor:
    """Runs parts until one fails or somebody asks for the end; `with` stops them whatever happened."""

    def __init__(
        self, environment: Mapping[str, str], tell: Callable[[str], None], *, with_parent: bool = False
    ) -> None:
        self._environment = environment
        self._tell = tell
        self._started: dict[str, Started] = {}
        # A plain flag: an Event that a signal sets while it is being waited for locks up for good.
        self._asked_to_stop = False
        self._parent = os.getppid() if with_parent else None

    def __enter__(self) -> Self:
        """From here on signals ask for an orderly end. Handlers, unlike ignored signals, are not inherited."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self._ask_to_stop)
        return self

    def _ask_to_stop(self, *_: object) -> None:
        self._asked_to_stop = True

    def __exit__(self, *_: object) -> None:
        """Stop every part; those that others need come last."""
        while alive := [each for each in self._started.values() if each.process.poll() is None]:
            needed = {name for each in alive for name in each.part.needs}
            _stop([each for each in alive if each.part.name not in needed])

    def start(self, parts: Sequence[Part]) -> None:
        """Start them, each as soon as what it needs is ready; return when all are.

        Raises:
            PartFailed: one ended, or took too long.
            Stopped: somebody asked for the end.
        """
        names = {part.name for part in parts}
        while not all(name in self._started and self._started[name].is_ready for name in names):
            for part in parts:
                if part.name not in self._started and all(self._is_ready(need) for need in part.needs):
                    self._launch(part)
            self._look()

    def wait(self) -> None:
        """Watch until the end.

        Raises:
            PartFailed: a part ended.
            Stopped: somebody asked for the end.
        """
        while True:
            self._look()

    def _is_ready(self, name: str) -> bool:
        return name in self._started and self._started[name].is_ready

    def _launch(self, part: Part, *, again: bool = False) -> None:
        # What a part said before it died belongs to the same story as what it says once it was started again.
        output = (part.log.open("ab") if again else _fresh(part.log)) if part.log else None
        process = subprocess.Popen(
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**self._environment, **part.environment},
            # Ctrl-C in a terminal then reaches the supervisor alone, which stops the parts in order.
            start_new_session=True,
        )
        if output:
            output.close()
        self._started[part.name] = Started(part, process, time.monotonic())

    def _look(self) -> None:
        for each in self._started.values():
            self._look_at(each)
        time.sleep(_LOOK_EVERY_SECONDS)
        if self._asked_to_stop or self._parent not in (None, os.getppid()):
            raise Stopped

    def _look_at(self, each: Started) -> None:
        status, took = each.process.poll(), time.monotonic() - each.began
        if status == 0 and each.is_ready and each.part.may_end:
            if not each.has_ended:
                self._tell(f"{each.part.name:<22} has ended, the others go on")
            each.has_ended = True
            return
        if status is not None and (each.part.ready or status):
            raise PartFailed(_ended(each.part, status))
        if each.is_ready:
            return
        if each.part.ready() if each.part.ready else status == 0:
            each.is_ready = True
            self._tell(f"{each.part.name:<22} {'ready' if each.part.ready else 'done'} after {took:.1f} s")
        elif took > each.part.patience:
            raise PartFailed(f"{each.part.name}: not ready after {took:.0f} s. {_where(each.part)}")


def _stop(wave: Sequence[Started]) -> None:
    for each in wave:
        each.process.send_signal(each.part.stop_signal)
    until = time.monotonic() + STOP_SECONDS
    for each in wave:
        try:
            each.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()


def _fresh(log: Path) -> IO[bytes]:
    if log.exists():
        log.rename(log.with_suffix(".previous.log"))
    return log.open("wb")


def _ended(part: Part, status: int) -> str:
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return f"{part.name}: {how}. {_where(part)}"


def _where(part: Part, lines: int = 15) -> str:
    if part.log is None:
        return ""
    end = part.log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"Its log is {part.log}", *(f"    {line}" for line in end)])
