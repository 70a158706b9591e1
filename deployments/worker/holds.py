"""When a machine is to be left alone: in quiet hours, while a file is there, while a program runs."""

import time
from datetime import datetime
from datetime import time as time_of_day

import psutil

from flows.core.settings import Worker

_PROCESSES_SECONDS = 1.0
"""How old may be what is known of the running programs: looking costs some milliseconds."""


class Holds:
    """What the settings say about it, held against the machine as it is."""

    def __init__(self, settings: Worker) -> None:
        """Look at nothing yet."""
        self._settings = settings
        self._looked = float("-inf")
        self._program_runs = False

    def reason(self) -> str | None:
        """Say why nothing may be imported now, or None."""
        file, program = self._settings.pause_file, self._settings.pause_process
        now = datetime.now().astimezone().time()
        if hours := next((each for each in self._settings.quiet_hours if within(each, now)), None):
            return f"quiet hours {hours}"
        if file is not None and file.exists():
            return f"{file} is there"
        if program is not None and self._runs(program):
            return f"{program} runs"
        return None

    def _runs(self, program: str) -> bool:
        if time.monotonic() - self._looked >= _PROCESSES_SECONDS:
            self._program_runs = runs(program)
            self._looked = time.monotonic()
        return self._program_runs


def within(hours: str, now: time_of_day) -> bool:
    """Say whether a time of day lies in hours such as `08:00-18:00`, or `22:00-06:00` across midnight."""
    begin, end = (time_of_day.fromisoformat(each) for each in hours.split("-"))
    return begin <= now < end if begin < end else now >= begin or now < end


def runs(program: str) -> bool:
    """Say whether a program of this name runs, whatever its case."""
    wanted = program.casefold()
    return any((each.info["name"] or "").casefold() == wanted for each in psutil.process_iter(["name"]))
