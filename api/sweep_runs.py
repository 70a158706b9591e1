"""Sweeps as the API sees them: what it asks of the workflow engine about watched folders, and what it is told."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from api.runs import Runs
from flows.core.requests import Frozen
from flows.core.sweep.report import SweepRow, SweepTotals


class SweepUnknown(Exception):
    """No sweep of this name is deployed."""


class SweepState(StrEnum):
    """Where a run of a sweep is."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    OVERLAPPED = "overlapped"
    """It did nothing, since another sweep of the folder was not over."""
    PUT_OFF = "put_off"
    """It stopped on its way, since its machine is to be left alone, or its worker stopped: the next one goes on."""
    FOLDER_AWAY = "folder_away"
    """The folder is not there or does not answer: nothing was concluded from that."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def went_wrong(self) -> bool:
        """Whether it ended without having swept the folder, though nobody stopped it."""
        return self in {self.FOLDER_AWAY, self.FAILED}


class SweepRun(Frozen):
    """One run of a sweep."""

    id: UUID
    dry_run: bool
    state: SweepState
    message: str = ""
    """The engine's word on the state: what the sweep came to, or why it stopped."""
    due: datetime
    """When it was to start."""
    started: datetime | None = None
    ended: datetime | None = None


class Sweep(Frozen):
    """A sweep that is deployed. Its runs here are no dry runs, and none that left the folder to another."""

    id: UUID
    """Of its deployment."""
    name: str
    server: str
    description: str
    active: bool
    """Whether it is swept by itself."""
    every_seconds: float | None = None
    cron: str | None = None
    timezone: str | None = None
    """Of the cron line."""
    next_run: datetime | None = None
    latest: SweepRun | None = None
    """The latest that began."""
    ended: SweepRun | None = None
    """The latest that came to an end by itself."""
    succeeded: SweepRun | None = None
    """The latest that looked through the folder to its end."""


class SweepRuns(Protocol):
    """The sweeps in the workflow engine. Every call may raise `EngineAway`."""

    async def sweeps(self) -> list[Sweep]:
        """Return all, by name."""

    async def sweep(self, name: str) -> Sweep:
        """Return one, or raise `SweepUnknown`."""

    async def begin_sweep(self, sweep: Sweep, who: str, *, dry_run: bool) -> SweepRun:
        """Have the folder swept now."""

    async def sweep_run(self, sweep: Sweep, run_id: UUID) -> SweepRun:
        """Return one run of a sweep, or raise `RunUnknown`."""

    async def latest_totals(self, names: Collection[str]) -> dict[str, SweepTotals]:
        """Return what the latest runs that left a report came to, by sweep; no dry runs."""

    async def totals_of(self, sweep: str, run: SweepRun) -> SweepTotals | None:
        """Return what one run came to; None where it left no report."""

    async def rows_of(self, sweep: str, run_id: UUID, *, dry_run: bool) -> tuple[SweepRow, ...]:
        """Return the table of one run; none where it left no report."""


class ImportCounts(Frozen):
    """Imports of one OMERO server, counted."""

    waiting: int
    running: int
    failed: int
    """Those that failed, in part or as a whole, and that nobody has dealt with."""


class Counts(Protocol):
    """What is counted in the workflow engine. Every call may raise `EngineAway`."""

    async def import_counts(self, server: str) -> ImportCounts:
        """Count the imports of a server."""

    async def messages_unsent(self) -> int:
        """Count the messages that could not be sent, of all servers."""

    async def omero_away(self, server: str) -> bool:
        """Say whether imports wait since this server does not answer; a pause of an operator is none."""

    async def last_round(self) -> datetime | None:
        """Say when housekeeping last did all of its duties; None where that is not known to have happened."""


class Engine(Runs, SweepRuns, Counts, Protocol):
    """The workflow engine: everything that the API asks of it."""
