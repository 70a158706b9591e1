"""What goes wrong on demand: latency, exceptions, silence, a full disk; and counts of what happened."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import Glacier2
import Ice
import omero

from deployments.sandbox.understudy.refusals import refusal

DROP_CONNECTION = "drop-connection"


@dataclass
class Planned:
    """An exception waiting for an operation."""

    exception: str
    times: int | None
    """None is every time."""
    after: int = 0
    """Calls to let pass first."""


@dataclass
class Held:
    """A place where calls wait."""

    after: int
    """Calls that still pass."""
    times: int | None
    """Calls that are still held; None is all."""
    agent: str = ""
    """Calls of other sessions pass: those whose agent does not begin so."""
    until_cancelled: bool = False
    """They go on as soon as somebody cancels an import."""
    waiting: list[str] = field(default_factory=list)
    """The agents of the sessions whose calls wait there now."""
    let_go: threading.Event = field(default_factory=threading.Event)


@dataclass
class Counts:
    """What happened since the start or the last `clear`."""

    calls: Counter[str] = field(default_factory=Counter)
    store_calls_at_once: int = 0
    imports_at_once: int = 0
    imports_running: int = 0
    imports_waiting: int = 0
    bytes_written: int = 0


class Faults:
    """Consulted around every call."""

    def __init__(self, latency_call: float, latency_write: float, *, strict_stores: bool) -> None:
        self.latency_call, self.latency_write = latency_call, latency_write
        self.strict_stores, self.disk_full = strict_stores, False
        self.counts = Counts()
        self._defaults = (latency_call, latency_write, strict_stores)
        self._planned: dict[str, list[Planned]] = {}
        self._import_failures: list[tuple[int, Planned]] = []
        self._held: dict[str, Held] = {}
        self._running = threading.Event()
        self._running.set()
        self._lock = threading.Lock()

    def before(self, operation: str, current: Any, servant: str = "", agent: str = "") -> None:
        """Wait as long as it takes, then raise what is planned for this operation.

        Args:
            operation: its name.
            current: of Ice.
            servant: the kind of object that it is called on.
            agent: what the session of the call calls itself.
        """
        self._running.wait()
        with self._lock:
            self.counts.calls[operation] += 1
        if self._held:
            self.wait_at(operation, agent)
            self.wait_at(f"{servant}.{operation}", agent)
        if self._planned:
            self._strike(operation, current)
        if self.latency_call and operation != "write":
            time.sleep(self.latency_call)

    def _strike(self, operation: str, current: Any) -> None:
        with self._lock:
            planned = next(iter(self._planned.get(operation, ())), None)
            if planned is None:
                return
            if planned.after:
                planned.after -= 1
                return
            if planned.times is not None:
                planned.times -= 1
                if planned.times <= 0:
                    self._planned[operation].pop(0)
        if planned.exception == DROP_CONNECTION:
            current.con.close(True)
        raise exception_named(planned.exception)

    def plan(self, operation: str, exception: str, times: int | None = 1, after: int = 0) -> None:
        """Let an operation fail, `times` times (None: always), after letting `after` calls pass."""
        exception_named(exception)
        with self._lock:
            self._planned.setdefault(operation, []).append(Planned(exception, times, after))

    def plan_import_failure(self, name: str, step: int, times: int | None = 1) -> None:
        """Let imports end with an ERR of this name before a step: 0 nothing was saved yet, 1 to 3 images were."""
        self._import_failures.append((step, Planned(name, times)))

    def import_failure(self, step: int) -> str | None:
        """The name of the ERR planned for this step."""
        with self._lock:
            for entry in self._import_failures:
                planned_step, planned = entry
                if planned_step == step:
                    if planned.times is not None:
                        planned.times -= 1
                        if planned.times <= 0:
                            self._import_failures.remove(entry)
                    return planned.exception
        return None

    def hold(
        self, place: str, after: int = 0, times: int | None = 1, agent: str = "", *, until_cancelled: bool = False
    ) -> None:
        """Let calls wait at a place, after letting `after` of them pass, until it is let go, or an import is cancelled.

        A place is an operation (`write`), an operation of one kind of servant (`Handle.close`), or `step-0` to
        `step-3` of an import's processing: before its images are saved, and after.
        """
        with self._lock:
            self._held[place] = Held(after, times, agent, until_cancelled)

    def wait_at(self, place: str, agent: str) -> None:
        """Wait if this place is held; `agent` is what the session calls itself."""
        with self._lock:
            held = self._held.get(place)
            if held is None or held.times == 0 or not agent.startswith(held.agent):
                return
            if held.after:
                held.after -= 1
                return
            if held.times is not None:
                held.times -= 1
            held.waiting.append(agent)
        held.let_go.wait()

    def waiting(self) -> dict[str, list[str]]:
        """The agents of the sessions whose calls wait, by the place; of places where any do."""
        with self._lock:
            return {place: list(held.waiting) for place, held in self._held.items() if held.waiting}

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._let_go(lambda _: True)

    def cancelled(self) -> None:
        """An import is to stop after its running step, from now on."""
        self._let_go(lambda held: held.until_cancelled)

    def _let_go(self, which: Callable[[Held], bool]) -> None:
        with self._lock:
            chosen = {place: held for place, held in self._held.items() if which(held)}
            for place, held in chosen.items():
                del self._held[place]
                held.let_go.set()

    def store_called(self, at_once: int) -> None:
        """A RawFileStore has this many calls at once."""
        with self._lock:
            self.counts.store_calls_at_once = max(self.counts.store_calls_at_once, at_once)

    def written(self, size: int) -> None:
        """Bytes have arrived."""
        with self._lock:
            self.counts.bytes_written += size

    def import_waits(self, change: int) -> None:
        """One more, or one less, waits for a background thread."""
        with self._lock:
            self.counts.imports_waiting += change

    def import_started(self) -> None:
        """An import is being processed from now on."""
        with self._lock:
            self.counts.imports_running += 1
            self.counts.imports_at_once = max(self.counts.imports_at_once, self.counts.imports_running)

    def import_ended(self) -> None:
        """An import is no longer being processed."""
        with self._lock:
            self.counts.imports_running -= 1

    def freeze(self) -> None:
        """Answer nothing until `thaw`: connections stay open, calls hang."""
        self._running.clear()

    def thaw(self) -> None:
        """Go on, first with what was called meanwhile."""
        self._running.set()

    def clear(self) -> None:
        """No faults, the latencies of the start, counts at zero."""
        with self._lock:
            self._planned.clear()
            self._import_failures.clear()
            self.latency_call, self.latency_write, self.strict_stores = self._defaults
            self.disk_full = False
            running, waiting = self.counts.imports_running, self.counts.imports_waiting
            self.counts = Counts(imports_running=running, imports_waiting=waiting, imports_at_once=running)
        self.let_go()
        self.thaw()


def exception_named(name: str) -> Any:
    """`omero.ResourceError`, `Ice.ObjectNotExistException`, `Glacier2.PermissionDeniedException`, ...

    Raises:
        ValueError: there is no such exception.
    """
    if name == DROP_CONNECTION:
        return Ice.ConnectionLostException()
    module, _, kind = name.rpartition(".")
    found = getattr({"omero": omero, "Ice": Ice, "Glacier2": Glacier2}.get(module), kind, None)
    if not (isinstance(found, type) and issubclass(found, Ice.Exception)):
        message = f"no such exception: {name}"
        raise ValueError(message)
    if issubclass(found, omero.ServerError):
        made = refusal(found, "a fault on demand")
        if issubclass(found, omero.ConcurrencyException):
            made.backOff = 100
        return made
    return found("a fault on demand") if issubclass(found, Ice.UserException) else found()
