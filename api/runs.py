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


class RunUnderWay(Exception):
    """The run waits or works: nothing of it can be repeated or forgotten."""


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
    LOGIN_NEEDED = "login_needed"
    """The session that it worked in has ended: its user logs in again and retries it."""
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {self.COMPLETED, self.PARTLY_FAILED, self.FAILED, self.LOGIN_NEEDED, self.CANCELLED}

    @property
    def waits(self) -> bool:
        """Whether it waits, for whatever."""
        return self in {self.SCHEDULED, self.WAITING_TO_RETRY}


class Retry(StrEnum):
    """What of an import is tried again."""

    FAILED = "failed"
    """What is not in OMERO yet."""
    ALL = "all"
    """Everything that was asked for."""


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
    """When its time comes."""
    bulk: bool = False
    """It lets people go first."""
    station: str | None = None
    """The workstation whose own workers alone can run it, if not all can."""
    held: bool = False
    """It waits until an earlier one of its user has ended, and for its time."""
    tags: frozenset[str] = frozenset()
    """Further ones."""
    email: str | None = None
    """Where its user can be reached, as OMERO said at the door: later OMERO may be away, or the session over."""


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
    bulk: bool = False
    station: str | None = None
    """The workstation whose own workers alone can run it."""
    held: bool = False
    next_start: datetime | None = None
    """When its turn may come; None while it is held, and when it does not wait."""
    attempts: int = 0
    """How often it began to run."""
    started: datetime | None = None
    ended: datetime | None = None
    key: str
    """What its carried session is kept by."""
    fingerprint: str
    request: dict[str, Any]
    tags: frozenset[str] = frozenset()


class Step(Frozen):
    """A state that a run came into."""

    when: datetime
    state: ImportState
    message: str = ""
    next_start: datetime | None = None
    """When it was to go on, where it waits for a time."""


class Letter(Frozen):
    """What a message says."""

    subject: str
    text: str
    html: str


class Message(Frozen):
    """A message that could not be sent, and is not tried again by itself."""

    id: UUID
    server: str
    servers: frozenset[str] = frozenset()
    """All that it concerns, where there are several."""
    user: str
    about: str | None
    """The import that it tells of."""
    receiver: str
    subject: str
    created: datetime
    failed: datetime
    attempts: int
    reason: str


class RunQuery(Frozen):
    """Which runs are asked for."""

    server: str
    users: frozenset[str] | None
    """OMERO login names; None is everybody."""
    states: frozenset[ImportState] = frozenset()
    """None is any."""
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

    async def waiting(self, server: str) -> int:
        """Count all runs that wait for this server."""

    async def ahead(self, server: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        """Count those in line for this server, and this workstation, that go before one of this kind due then."""

    async def in_pool(self, server: str, user: str, bulk: bool, until: datetime, station: str | None = None) -> int:
        """Count a user's runs of this kind that run, or are in line until then, other than held ones."""

    async def held(self, server: str, user: str, bulk: bool, before: datetime, station: str | None = None) -> int:
        """Count a user's held runs of this kind that were due before."""

    async def is_served(self, server: str, station: str) -> bool:
        """Say whether a worker of this workstation asked for imports lately."""

    async def living_in(self, server: str, tag: str) -> int:
        """Count the runs with this tag that are not over."""

    async def outage(self, server: str) -> str | None:
        """Say why nothing is imported into this server just now; None where it is."""

    async def filesets(self, run_id: UUID) -> tuple[FilesetStatus, ...]:
        """Return how far each fileset of a run is; none before they are known."""

    async def steps(self, run_id: UUID) -> tuple[Step, ...]:
        """Return the states that a run came into, the first one first; none for one that is not there."""

    def log(self, run_id: UUID) -> AsyncIterator[str]:
        """Return the log, a line at a time."""

    async def cancel(self, run: Run, who: str) -> Run:
        """Stop a run that was read a moment ago, or raise `RunOver`."""

    async def retry(self, run: Run, who: str, what: Retry, held: bool) -> Run:
        """Let a run that is over begin again, at once or held, or raise `RunUnderWay`."""

    async def move(self, run: Run, tag: str) -> Run:
        """Tag a run with the session that it lives in now, and no more with another one."""

    async def mark(self, run: Run, tag: str) -> None:
        """Add a tag to a run."""

    async def forget(self, run: Run) -> None:
        """Delete a run that is over, with all that it left in the engine, or raise `RunUnderWay`."""

    async def carry(self, key: str, sealed: str) -> None:
        """Keep a sealed session for the run with this key."""

    async def drop(self, key: str) -> None:
        """Forget the sealed session of the run with this key, if there is one."""

    async def end_later(self, tag: str, sealed: str) -> None:
        """Keep a sealed session that is to be ended once no run with this tag is under way."""

    async def end_not(self, tag: str) -> None:
        """Do not end the session that was kept for this tag, if one was."""

    async def unsent(self, server: str, users: frozenset[str] | None, limit: int) -> list[Message]:
        """Return the messages that could not be sent, the latest first; users None is everybody's."""

    async def still_to_send(self, server: str, users: frozenset[str] | None) -> int:
        """Count the messages that are tried again by themselves."""

    async def message(self, message_id: UUID) -> Message:
        """Return a message that could not be sent, or raise `RunUnknown`."""

    async def letter(self, message: Message) -> Letter:
        """Return what it says, or raise `RunUnknown`."""

    async def send_again(self, message: Message, who: str) -> None:
        """Try to send it once more, now."""

    async def discard(self, message: Message) -> None:
        """Delete it."""

    async def ping(self) -> None:
        """Return if the engine answers."""
