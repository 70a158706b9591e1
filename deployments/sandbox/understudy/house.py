"""What all parts share: options, database, sessions, faults and published servants; and one call's view of them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from deployments.sandbox.understudy.access import Access, Caller
from deployments.sandbox.understudy.accounts import Passwords
from deployments.sandbox.understudy.convert import Reader
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.faults import Faults
from deployments.sandbox.understudy.options import Options
from deployments.sandbox.understudy.refusals import not_modelled
from deployments.sandbox.understudy.registry import Registry
from deployments.sandbox.understudy.rows import Ref
from deployments.sandbox.understudy.sessions import Session, Sessions
from flows.core.bioformats import BioFormats


@dataclass
class House:
    """One running understudy."""

    options: Options
    database: Database
    sessions: Sessions
    passwords: Passwords
    faults: Faults
    registry: Registry
    config: dict[str, str]
    bioformats: BioFormats | None
    """For formats that it cannot read itself."""
    background: threading.Semaphore
    """OMERO's background threads."""
    drop_connections: Callable[[], int] = lambda: 0
    """Closes the connections of all clients."""
    begun_imports: list[Any] = field(default_factory=list)
    """All import processes since the start, those of ended sessions too: OMERO never prunes them either."""

    def enumeration(self, kind: str, value: str) -> Ref:
        """An enumeration's row by its value.

        Raises:
            LookupError: there is no such value.
        """
        for row in self.database.table(kind):
            if row.get("value") == value:
                return row.ref
        message = f"no {kind} {value}"
        raise LookupError(message)


class Call:
    """One call: who, in which group, and what they may see."""

    def __init__(self, house: House, session: Session, context: dict[str, str]) -> None:
        self.house = house
        if "omero.user" in context or "omero.share" in context:
            raise not_modelled("the call context omero.user and omero.share")
        self.caller: Caller = house.sessions.context(session, _group_id(context.get("omero.group", "")))

    @cached_property
    def access(self) -> Access:
        """The rules for this caller."""
        return Access(self.caller, self.house.database.get)

    @cached_property
    def reader(self) -> Reader:
        """Committed rows as objects."""
        return Reader(self.house.database.get, self.house.database.pointing_at, self.access)


def _group_id(asked: str) -> int | None:
    """OMERO ignores what is not a number (BasicEventContext.parseId)."""
    return int(asked) if asked.removeprefix("-").isdecimal() else None


class SessionService:
    """The base of what a session's client can call."""

    def __init__(self, house: House, session: Session) -> None:
        self.house = house
        self.session = session

    def call(self, current: Any) -> Call:
        """The view of the call that `current` belongs to."""
        return Call(self.house, self.session, current.ctx)
