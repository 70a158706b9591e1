"""Says whether the share that holds a sweep's folder is there: a missing one is "unknown", never "empty"."""

import os
from fnmatch import fnmatchcase

from flows.core.errors import SourceAway
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.memory import Memory

_ROOT = "root"


class Share:
    """The root of a sweep, and which device it was on."""

    def __init__(self, definition: SweepDefinition, memory: Memory) -> None:
        """Look at nothing yet."""
        self._root = os.path.normpath(definition.root)
        self._sentinel = definition.mount.sentinel
        self._memory = memory
        self._device, self._candidate = f"device of {self._root}", f"next device of {self._root}"

    def begin(self) -> None:
        """Forget what was remembered of another folder, should the definition have named one before.

        Raises:
            SourceAway: as `check` says.
        """
        before = self._memory.note(_ROOT)
        if before not in (None, self._root):
            self._memory.folders.forget([before])
        self.check()
        self._memory.set_note(_ROOT, self._root)

    def check(self) -> None:
        """Return while the folder is there, as it was.

        Raises:
            SourceAway: nothing can be said about what is in it.
        """
        try:
            device = os.stat(self._root).st_dev  # noqa: PTH116
            names = os.listdir(self._root)  # noqa: PTH208
        except OSError as failed:
            raise self._away(f"The folder of this sweep cannot be looked into: {failed.strerror}.") from failed
        if self._sentinel and not self._finds(self._sentinel):
            raise self._away(f"{self._sentinel}, which is there as long as the share is, is not there.")
        if not names and self._memory.folders.knows_files():
            raise self._away("There is nothing at all in the folder of this sweep, and there was before.")
        self._same_device(str(device), names)

    def _finds(self, sentinel: str) -> bool:
        folder, name = os.path.split(f"{self._root}/{sentinel}")
        if os.path.lexists(f"{folder}/{name}"):
            return True
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            return False
        return any(fnmatchcase(each.lower(), name.lower()) for each in names)

    def _same_device(self, device: str, names: list[str]) -> None:
        """Stop where the device is another one; at the next sweep go on where what was there before is there again.

        The numbers of network shares change when they are mounted anew.
        """
        known = self._memory.note(self._device)
        if known not in (None, device):
            candidate = self._memory.note(self._candidate)
            self._memory.set_note(self._candidate, device)
            if candidate != device or not self._is_familiar(names):
                raise self._away(
                    "The folder of this sweep is on another device than before: its share is not mounted, or anew. "
                    "In the second case the next sweep goes on."
                )
        if known != device:
            self._memory.set_note(self._device, device)

    def _is_familiar(self, names: list[str]) -> bool:
        root = self._memory.folders.find(self._root)
        if root is None:
            return True
        before = {*self._memory.folders.inside(root.id), *self._memory.folders.seen(root.id)}
        before |= {each.name for each in self._memory.folders.members(root.id)}
        return not before or not before.isdisjoint(names)

    def _away(self, what: str) -> SourceAway:
        return SourceAway(what, which=self._root)
