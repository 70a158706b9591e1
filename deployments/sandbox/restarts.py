"""Starts parts again that died, as a service manager would, and tells where they are: for a sandbox made to be hurt."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deployments.sandbox.home import write_private
from deployments.sandbox.supervisor import Started, Supervisor

SHORTEST_SECONDS = 0.2
LONGEST_SECONDS = 2.0
_SOUND_SECONDS = 5.0
"""Whoever lived that long is started again at once."""


class RestartingSupervisor(Supervisor):
    """A supervisor for which, once all parts were up, the death of one is no reason to end.

    A part is held down while a file of its name lies in `holds`. Where a part is: `pids`, a JSON object of names and
    process ids, in which a part that is down has null.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tell: Callable[[str], None],
        *,
        with_parent: bool,
        pids: Path,
        holds: Path,
    ) -> None:
        super().__init__(environment, tell, with_parent=with_parent)
        self._pids, self._holds = pids, holds
        self._down: dict[str, float] = {}
        """Parts that died, and when each is started again."""
        self._pauses: dict[str, float] = {}
        self._all_were_up = False

    def wait(self) -> None:
        """Watch until the end, and start again what dies.

        Raises:
            Stopped: somebody asked for the end.
        """
        self._all_were_up = True
        self.write_pids()
        super().wait()

    def write_pids(self) -> None:
        """Say where each part is."""
        parts = {name: each for name, each in self._started.items() if each.part.ready}
        pids = {name: None if name in self._down else each.process.pid for name, each in parts.items()}
        write_private(self._pids, json.dumps(pids, indent=2))

    def _look_at(self, each: Started) -> None:
        if not self._all_were_up or each.part.ready is None:
            super()._look_at(each)
        elif (due := self._down.get(each.part.name)) is not None:
            if time.monotonic() >= due and not (self._holds / each.part.name).exists():
                self._start_again(each)
        elif each.process.poll() is not None:
            self._note_death(each)

    def _note_death(self, each: Started) -> None:
        name, now = each.part.name, time.monotonic()
        sound = now - each.began > _SOUND_SECONDS
        pause = SHORTEST_SECONDS if sound else min(2 * self._pauses.get(name, SHORTEST_SECONDS), LONGEST_SECONDS)
        self._pauses[name] = pause
        self._down[name] = now + pause
        self._tell(f"{name:<22} ended with status {each.process.returncode}")
        self.write_pids()

    def _start_again(self, each: Started) -> None:
        del self._down[each.part.name]
        self._launch(each.part, again=True)
        self.write_pids()
        self._tell(f"{each.part.name:<22} started again")
