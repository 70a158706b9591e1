"""Runs as the API sees them: what it asks of the workflow engine, and what it is told, in its own words."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from flows.core.requests import Frozen
from flows.core.status import FilesetStatus


class RunUnknown(Exception):
    """There is no run of this id, or none that is an import."""


class RunOver(Exception):
    """The run has ended: nothing can be changed."""


class EngineAway(Exception):
    """The workflow engine does not answer, or not as it should."""


class ImportState(StrEnum):
    """Where an import is."""

    SCHEDULED = "scheduled"
    """Waits for its turn, or for its time."""
    RUNNING = "running"
    WAITING_TO_RETRY = "waiting_to_retry"
    COMPLETED = "completed"
    PARTLY_FAILED = "partly_failed"
    """Some files are in OMERO, some are not."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self in {self.COMPLETED, self.PARTLY_FAILED, self.FAILED, self.CANCELLED}


class NewRun(Frozen):
    """A run to be made."""

    server: str
    user: str
    """OMERO login name whom the images will belong to."""
    name: str
    request: dict[str, Any]
    """The flow's parameter: an `ImportRequest` as JSON."""
    key: str
    """Two runs of one key are one."""
    fingerprint: str
    """Of what the caller sent: tells a repeated request from another one with the same key."""
    start: datetime


class Run(Frozen):
    """A run that exists."""

    id: UUID
    name: str
    server: str
    user: str
    state: ImportState
    stopping: bool = False
    """Cancelled, and not yet at its end."""
    message: str = ""
    """The engine's word on the state, for example why the run failed."""
    created: datetime
    due: datetime
    """When it was to start: what lists are sorted by."""
    next_start: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    key: str
    fingerprint: str
    request: dict[str, Any]


class RunQuery(Frozen):
    """Which runs are asked for."""

    server: str
    users: frozenset[str] | None
    """OMERO login names; None is everybody."""
    state: ImportState | None = None
    since: datetime | None = None
    before: datetime | None = None
    """Due earlier than this: where the page before ended."""
    limit: int


class Runs(Protocol):
    """The workflow engine. Every call may raise `EngineAway`."""

    async def create(self, new: NewRun) -> Run:
        """Make a run, or return the one that has its key."""

    async def read(self, run_id: UUID) -> Run:
        """Return a run, or raise `RunUnknown`."""

    async def recent(self, query: RunQuery) -> list[Run]:
        """Return the latest runs first."""

    async def waiting(self, server: str, before: datetime | None = None) -> int:
        """Count the runs that wait for this server; with `before`, those that a run due then would wait behind."""

    async def filesets(self, run_id: UUID) -> tuple[FilesetStatus, ...]:
        """Return how far each fileset of a run is; none before they are known."""

    def log(self, run_id: UUID) -> AsyncIterator[str]:
        """Return the log, a line at a time."""

    async def cancel(self, run: Run) -> Run:
        """Stop a run, or raise `RunOver`."""

    async def carry(self, key: str, sealed: str) -> None:
        """Keep a sealed session for the run with this key."""

    async def drop(self, key: str) -> None:
        """Forget the sealed session of the run with this key, if there is one."""

    async def ping(self) -> None:
        """Return if the engine answers."""
