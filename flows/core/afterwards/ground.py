"""What putting files away needs to know, and whom it asks and tells; decides nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from flows.core.afterwards.below import Below
from flows.core.afterwards.items import Arrived
from flows.core.afterwards.wishes import Afterwards
from flows.core.audit import AuditEntry
from flows.core.control import Control
from flows.core.requests import SourceFile
from flows.core.settings import Root

Confirm = Callable[[Arrived, Sequence[SourceFile]], None]
"""Reads these files of a fileset, all or what is left of it, and raises a CourierError unless OMERO holds the same
bytes."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A folder, and what may be done in it."""

    who: str | None
    """On whose behalf, as the audit trail has it: `sweep:confocal`, or None for an import's own wish."""
    run_id: str | None = None
    """The import whose wish it is: what was begun for others is left alone. None: a sweep's."""
    server: str
    """Our name of the OMERO server."""
    root: Path
    """The folder."""
    afterwards: Afterwards
    """What is to be done."""
    quiet: timedelta | None
    """How long an empty folder must have been left alone until it goes; None: it stays."""
    roots: Mapping[str, Root]
    """The courier's, which say what may be done."""
    confirm: Confirm
    audit: Callable[[AuditEntry], None]
    """Writes the audit trail, or raises OSError."""
    control: Control
    now: Callable[[], datetime]
    """The time, with its zone."""

    @cached_property
    def below(self) -> Below:
        """The folder, with links resolved."""
        return Below(self.root)
