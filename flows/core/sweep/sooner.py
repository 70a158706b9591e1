"""When a folder that changed is to be swept sooner than its schedule says: pure, watches nothing."""

from dataclasses import dataclass, field

LOOK_SECONDS = 10.0
"""At most so often a folder is swept for its changes: an instrument that writes changes it all the time."""
MARGIN_SECONDS = 1.0
"""Clocks of shares are read in whole seconds."""


@dataclass
class Sooner:
    """Of one folder: the first change asks for a look, and once it has been left alone long enough for another.

    Two looks are what settles a file: the first sees it, the second, after the quiet period, that it did not change.
    """

    quiet: float
    """Seconds without a change after which its files are settled."""
    _changed: float | None = field(default=None, init=False)
    _looked: float | None = field(default=None, init=False)

    def changed(self, now: float) -> None:
        """Note that something in the folder changed."""
        self._changed = now

    def is_due(self, now: float) -> bool:
        """Whether a sweep is to be asked for now."""
        if self._changed is None:
            return False
        if self._looked is not None and now - self._looked < LOOK_SECONDS:
            return False
        return self._looked is None or self._looked < self._changed or now >= self._settled

    def looked(self, now: float) -> None:
        """Note that a sweep was asked for; once it is one that finds everything settled, there is none to come."""
        if self._looked is not None and self._changed is not None and now >= self._settled:
            self._changed = self._looked = None
            return
        self._looked = now

    @property
    def _settled(self) -> float:
        assert self._changed is not None, "looked at by who calls this"
        return self._changed + self.quiet + MARGIN_SECONDS
