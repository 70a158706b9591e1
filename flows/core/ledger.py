"""What is known of each fileset of a run while it runs: thread-safe, in memory, nothing else."""

import threading
from collections.abc import Iterable

from flows.core.control import Stage
from flows.core.errors import CourierError, ImportCancelled
from flows.core.requests import Failure, Fileset, ImportedFileset, StagedFileset, VerifiedFileset
from flows.core.status import FilesetStatus

OVER = frozenset({Stage.DONE, Stage.FAILED, Stage.CANCELLED})
"""Stages after which nothing more happens to a fileset."""


class Ledger:
    """The `Control` of a run: stages write into it, the run's artifacts and messages are made from it."""

    def __init__(self) -> None:
        """Start empty; `open` fills it once the sources are expanded."""
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._statuses: dict[str, FilesetStatus] = {}
        self._verified: dict[str, VerifiedFileset] = {}
        self._staged: dict[str, StagedFileset] = {}
        self.revision = 0
        """Grows with every change: lets a watcher see that there is something new."""

    def open(self, filesets: Iterable[Fileset], refused: Iterable[Failure]) -> None:
        """Take up the filesets of this run, and what could not even become one."""
        with self._lock:
            for status in (*map(FilesetStatus.waiting, filesets), *map(FilesetStatus.refused, refused)):
                self._statuses.setdefault(status.key, status)
            self.revision += 1

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        """Note how far a fileset is."""
        self._update(key, stage=stage, bytes_done=done, bytes_total=total)

    def check(self) -> None:
        """Raise `ImportCancelled` once the run was cancelled."""
        if self._cancelled.is_set():
            raise ImportCancelled

    def pace(self, count: int) -> None:
        """Wait until `count` further bytes may be sent."""

    def cancel(self) -> None:
        """Make every stage stop at its next chunk or poll."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._cancelled.is_set()

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
            duplicate=value.duplicate,
            failure=None,
        )

    def failed(self, fileset: Fileset, error: CourierError) -> None:
        """Keep why a fileset did not get through a stage; where that may pass, it waits for a further try."""
        if isinstance(error, ImportCancelled):
            self._update(fileset.key, stage=Stage.CANCELLED, failure=None)
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

    def settle(self, error: CourierError) -> None:
        """End what is not over yet: everything has an outcome when a run ends.

        What waited for a further try failed for the reason it waited for, the rest because of `error`.
        """
        for status in self.statuses():
            if status.stage in OVER:
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
