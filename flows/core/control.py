"""How a stage says how far it is, and hears that it should stop."""

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """Where a fileset is."""

    WAITING = "waiting"
    VERIFY = "verify"
    TRANSFER = "transfer"
    UPLOAD = "upload"
    IMPORT = "import"
    """Uploaded: OMERO is reading the pixels."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Control(Protocol):
    """Handed to every stage. Its calls may come from any thread."""

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        """The fileset `key` is in `stage`, `done` of `total` bytes through it."""

    def check(self) -> None:
        """Return while the import is wanted.

        Cheap, but waits while the machine is to be left alone.

        Raises:
            ImportCancelled: it is not wanted any more: stop, and leave nothing half-done.
            RunPutOff: it is to go on later: stop, and leave nothing half-done.
        """

    def pace(self, count: int) -> None:
        """Wait until `count` further bytes may be sent, or read to be copied, where there is a limit."""


class Uncontrolled:
    """Nobody watches and nobody cancels: for tests and one-off calls."""

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        """Forget it."""

    def check(self) -> None:
        """Go on."""

    def pace(self, count: int) -> None:
        """Send as fast as it goes."""
