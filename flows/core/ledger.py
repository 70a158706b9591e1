"""What is known of each fileset of a run while it runs: thread-safe, in memory, nothing else."""

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from flows.core.control import Stage
from flows.core.errors import AttemptSuperseded, CourierError, ImportCancelled, RunPutOff
from flows.core.requests import Failure, Fileset, ImportedFileset, StagedFileset, VerifiedFileset
from flows.core.status import FilesetStatus, PutAway

OVER = frozenset({Stage.DONE, Stage.FAILED, Stage.CANCELLED})
"""Stages after which nothing more happens to a fileset."""


STOPS = (ImportCancelled, RunPutOff, AttemptSuperseded)
"""What ends an attempt without saying anything of the fileset that it was about."""


class Gate(Protocol):
    """The machine that a run works on: may make it wait, or send it away. Its calls may come from any thread."""

    def check(self) -> None:
        """Return when the run may go on, or raise `RunPutOff`."""

    def pace(self, count: int) -> None:
        """Wait until `count` further bytes may be sent."""

    def between_filesets(self) -> None:
        """Return when a further fileset may be begun, or raise `RunPutOff`."""


class OpenGate:
    """A machine without wishes."""

    def check(self) -> None:
        """Go on."""

    def pace(self, count: int) -> None:
        """Send as fast as it goes."""

    def between_filesets(self) -> None:
        """Begin."""


class Ledger:
    """The `Control` of a run: stages write into it, the run's artifacts and messages are made from it."""

    def __init__(self) -> None:
        """Start empty; `open` fills it once the sources are expanded."""
        self._gate: Gate = OpenGate()
        self._lock = threading.Lock()
        self._stop: CourierError | None = None
        self._stop_between: RunPutOff | None = None
        self._restored: frozenset[str] = frozenset()
        self._statuses: dict[str, FilesetStatus] = {}
        self._verified: dict[str, VerifiedFileset] = {}
        self._staged: dict[str, StagedFileset] = {}
        self.revision = 0
        """Grows with every change: lets a watcher see that there is something new."""

    def obey(self, gate: Gate) -> None:
        """Let the machine that the run works on make it wait, or send it away."""
        self._gate = gate

    def restore(self, earlier: Iterable[FilesetStatus], *, failed_too: bool) -> None:
        """Take over what an earlier attempt left: what is over stays, the rest waits again.

        Args:
            earlier: how far it was.
            failed_too: a person asked for a further try: what failed for good, or was cancelled, waits again as well.
        """
        with self._lock:
            for status in earlier:
                keeps = status.stage is Stage.DONE or (status.stage in OVER and not failed_too)
                again = {"stage": Stage.WAITING, "bytes_done": 0}
                if failed_too:
                    again["failure"] = None
                self._statuses[status.key] = status if keeps else status.model_copy(update=again)
            # What was only found in OMERO, of an attempt that noted nothing, is not all that the import is about.
            self._restored = frozenset(self._statuses) if self._is_whole() else frozenset()
            self.revision += 1

    @property
    def is_whole(self) -> bool:
        """Whether it is known what the import is about: an attempt lived to note what the sources stand for."""
        with self._lock:
            return self._is_whole()

    def _is_whole(self) -> bool:
        return any(status.files for status in self._statuses.values())

    def open(self, filesets: Iterable[Fileset], refused: Iterable[Failure]) -> tuple[Fileset, ...]:
        """Take up the filesets of this run, and what could not even become one; return those still to be done.

        What an earlier attempt found stays what this import is about: files that came since are none of it.
        """
        with self._lock:
            found = tuple(each for each in filesets if self._is_ours(each))
            self._forget_what_is_back(found)
            for status in map(FilesetStatus.waiting, found):
                before = self._statuses.get(status.key)
                if before is None:
                    self._statuses[status.key] = status
                elif before.stage not in OVER or not before.files:
                    known = {"bytes_total": status.bytes_total, "files": status.files, "name": status.name}
                    self._statuses[status.key] = before.model_copy(update=known)
            for status in map(FilesetStatus.refused, refused):
                before = self._statuses.get(status.key)
                if before is None and self._restored:
                    self._statuses |= {
                        key: each.held_up_by(status) for key, each in self._statuses.items() if each.stage not in OVER
                    }
                elif before is None or before.stage not in OVER:
                    self._statuses[status.key] = status
            self.revision += 1
            return tuple(each for each in found if self._statuses[each.key].stage not in OVER)

    def _is_ours(self, fileset: Fileset) -> bool:
        """Whether an earlier attempt found it, or could not look where it lies."""
        return not self._restored or fileset.key in self._restored or bool(self._away_above(fileset))

    def _away_above(self, fileset: Fileset) -> list[str]:
        path = fileset.files[0].client_path
        return [status.key for status in self._statuses.values() if status.stands_above(path)]

    def _forget_what_is_back(self, found: Iterable[Fileset]) -> None:
        """Drop the rows of folders that could not be looked into, once their files are there."""
        for key in {key for fileset in found for key in self._away_above(fileset)}:
            del self._statuses[key]

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        """Note how far a fileset is."""
        self._update(key, stage=stage, bytes_done=done, bytes_total=total)

    def check(self) -> None:
        """Raise what stops the run: that it was cancelled, is to go on later, or has another attempt by now."""
        self._obeying(self._gate.check)

    def between_filesets(self) -> None:
        """Do the same before a fileset is begun: what is under way already may be finished."""
        self.check()
        try:
            self._gate.between_filesets()
        except RunPutOff as later:
            self.begin_no_more(later)
        if self._stop_between is not None:
            raise RunPutOff(self._stop_between.what)

    def pace(self, count: int) -> None:
        """Wait until `count` further bytes may be sent, or raise what stops the run."""
        self._obeying(lambda: self._gate.pace(count))

    def _obeying(self, wait: Callable[[], None]) -> None:
        """Wait as the machine wishes; where it sends the run away, all of its stages stop."""
        self.raise_stop()
        try:
            wait()
        except RunPutOff as later:
            self.stop(later)
        self.raise_stop()

    def raise_stop(self) -> None:
        """Raise what stops the run, without asking the machine."""
        if (stop := self._stop) is not None:
            raise type(stop)(stop.what, advice=stop.advice)

    def stop(self, reason: CourierError) -> None:
        """Make every stage stop at its next chunk or poll; of several reasons the weightiest counts."""
        with self._lock:
            if self._stop is None or _weight(reason) > _weight(self._stop):
                self._stop = reason

    def begin_no_more(self, reason: RunPutOff) -> None:
        """Have the run go on later, once what is under way has been finished."""
        self._stop_between = reason

    def cancel(self) -> None:
        """Make every stage stop: the import is not wanted any more."""
        self.stop(ImportCancelled())

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return isinstance(self._stop, ImportCancelled)

    @property
    def stopped_by(self) -> CourierError | None:
        """What stopped the run, if something did."""
        return self._stop or self._stop_between

    def verified(self, value: VerifiedFileset) -> None:
        """Keep what the verify stage gave."""
        self._verified[value.fileset.key] = value

    def staged(self, value: StagedFileset) -> None:
        """Keep what the transfer stage gave."""
        self._staged[value.fileset.key] = value

    def imported(self, value: ImportedFileset) -> None:
        """Keep what the import stage gave: the fileset is in OMERO."""
        total = self.status(value.key).bytes_total
        self._update(
            value.key,
            stage=Stage.DONE,
            bytes_done=total,
            fileset_id=value.fileset_id,
            images=value.images,
            plates=value.plates,
            duplicate=value.duplicate,
            failure=None,
        )

    def put_away(self, key: str, what: PutAway) -> None:
        """Keep what became of the files of a fileset that is in OMERO."""
        self._update(key, put_away=what)

    def failed(self, fileset: Fileset, error: CourierError) -> None:
        """Keep why a fileset did not get through a stage; where that may pass, it waits for a further try."""
        if isinstance(error, STOPS):
            if isinstance(error, ImportCancelled):
                self._update(fileset.key, stage=Stage.CANCELLED, failure=None)
            else:
                self._update(fileset.key, stage=Stage.WAITING)
            return
        failure = Failure.of(error.about(fileset.files[0].client_path))
        self._update(fileset.key, stage=Stage.WAITING if error.transient else Stage.FAILED, failure=failure)

    def started(self, key: str) -> None:
        """Count an attempt to import a fileset."""
        self._update(key, attempts=self.status(key).attempts + 1)

    def status(self, key: str) -> FilesetStatus:
        """How far one fileset is."""
        with self._lock:
            return self._statuses[key]

    def statuses(self) -> tuple[FilesetStatus, ...]:
        """How far all are, in the order in which they were found."""
        with self._lock:
            return tuple(self._statuses.values())

    def has_verified(self, key: str) -> bool:
        """Whether a fileset passed the verify stage."""
        return key in self._verified

    def verified_of(self, key: str) -> VerifiedFileset:
        """Return what the verify stage gave."""
        return self._verified[key]

    def has_staged(self, key: str) -> bool:
        """Whether a fileset passed the transfer stage."""
        return key in self._staged

    def staged_of(self, key: str) -> StagedFileset:
        """Return what the transfer stage gave."""
        return self._staged[key]

    def is_done(self, key: str) -> bool:
        """Whether a fileset is in OMERO."""
        return self.status(key).stage is Stage.DONE

    def is_hopeless(self, key: str) -> bool:
        """Whether a fileset failed in a way that trying again does not help."""
        failure = self.status(key).failure
        return failure is not None and not failure.transient

    def stragglers(self) -> tuple[str, ...]:
        """Return the keys of those that failed but may still succeed."""
        return tuple(each.key for each in self.statuses() if each.failure is not None and each.stage is Stage.WAITING)

    def unfinished(self) -> tuple[FilesetStatus, ...]:
        """Return those that are neither in OMERO nor failed for good."""
        return tuple(each for each in self.statuses() if each.stage not in OVER)

    def settle(self, error: CourierError) -> None:
        """End what is not over yet: everything has an outcome when a run ends.

        What waited for a further try failed for the reason it waited for, the rest because of `error`; so did what
        something else than a cancel of the run made look cancelled.
        """
        for status in self.statuses():
            if status.stage in OVER and (status.stage is not Stage.CANCELLED or self.cancelled):
                continue
            if self.cancelled:
                self._update(status.key, stage=Stage.CANCELLED, failure=None)
            else:
                failure = status.failure or Failure.of(error.about(status.files[0]))
                self._update(status.key, stage=Stage.FAILED, failure=failure)

    def _update(self, key: str, **changes: object) -> None:
        with self._lock:
            self._statuses[key] = self._statuses[key].model_copy(update=changes)
            self.revision += 1


def _weight(reason: CourierError) -> int:
    """Order what stops a run: another attempt of it counts most, since this one then decides nothing any more."""
    return 2 if isinstance(reason, AttemptSuperseded) else 1 if isinstance(reason, ImportCancelled) else 0
