"""What putting the files of one sweep away needs to know, and whom it asks and tells; decides nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from flows.core.audit import AuditEntry
from flows.core.control import Control
from flows.core.requests import SourceFile
from flows.core.settings import Root
from flows.core.sweep.below import Below
from flows.core.sweep.definition import Afterwards
from flows.core.sweep.items import Arrived

Confirm = Callable[[Arrived, Sequence[SourceFile]], None]
"""Reads these files of a fileset, all or what is left of it, and raises a CourierError unless OMERO holds the same
bytes."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A sweep's folder, and what may be done in it."""

    sweep: str
    """Its name."""
    server: str
    """Our name of the OMERO server."""
    root: Path
    """The folder that it sweeps."""
    afterwards: Afterwards
    """What is to be done."""
    quiet: timedelta
    """How long an empty folder must have been left alone until it goes."""
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
