"""What is to be put away, and what became of it: frozen types, nothing else."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from flows.core.requests import Failure, Fileset, Frozen


class Item(Frozen):
    """A fileset whose import is over."""

    fileset: Fileset
    """As its import took it: paths, sizes, times."""
    run_id: str
    """The import."""
    user: str
    """The OMERO login name that it was imported for."""
    at: datetime
    """When its import was over; it says its zone."""


class Arrived(Item):
    """It is in OMERO."""

    fileset_id: int
    """Of OMERO's fileset, or of the one that holds the same bytes."""
    group: str | None = None
    """The OMERO group that it was imported into; None for the user's default."""


class Failed(Item):
    """It failed for good."""

    failure: Failure


class Outcome(StrEnum):
    """What became of the files of a fileset; the values are names in tables and metrics."""

    MOVED = "moved"
    DELETED = "deleted"
    WAITING = "waiting"
    """Its time has not come."""
    KEPT = "kept"
    """It cannot be done now, see the reason."""
    GONE = "gone"
    """No file of it is there any more, and not by us."""


class Handled(Frozen):
    """What became of one fileset."""

    item: Arrived | Failed
    outcome: Outcome
    reason: str
    """A sentence, for people."""
    code: str
    """The reason for machines: a short name with dashes."""
    may_pass: bool = False
    """Trying again later may help."""
    moved_to: tuple[str, ...] = ()
    """Paths below the root, in the order of the files."""


class Deed(Frozen):
    """What is to be done with the files of a fileset, once all that speaks against it was looked at."""

    what: Literal["move", "delete"]
    item: Arrived | Failed
    goals: tuple[str, ...] = ()
    """Where they are moved to: paths below the root, in the order of the files."""
    reason_file: str | None = None
    """Where it is written why they failed: a path below the root."""
    of_import: bool = False
    """Its import was asked for with this wish; else a sweep's definition wants it."""
