"""The client of the switchboard: lets an understudy misbehave, and reads its counts. Needs nothing but Python."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stats:
    """What happened since the start or the last `clear`."""

    calls: dict[str, int]
    """Calls by operation."""
    store_calls_at_once: int
    """The most concurrent calls on one RawFileStore."""
    imports_at_once: int
    """The most imports processed in parallel."""
    imports_running: int
    imports_waiting: int
    """Uploads verified that wait for a background thread now."""
    bytes_written: int
    sessions: int
    """Sessions alive now."""
    agents: list[str]
    """What each of them calls itself; of those that do."""


class Control:
    """Switches faults of one understudy; `clear` puts everything right again."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fault(self, operation: str, exception: str, times: int | None = 1, after: int = 0) -> None:
        """Let an Ice operation raise, for instance `fault("write", "omero.ResourceError")`.

        `times` is how often (None: always), `after` how many calls pass first. Exceptions are named
        `omero.X`, `Ice.X`, `Glacier2.X`, or `drop-connection`.

        Raises:
            ValueError: there is no such exception.
        """
        self._post("fault", operation=operation, exception=exception, times=times, after=after)

    def fail_import(self, name: str, step: int = 0, times: int | None = 1) -> None:
        """Let the processing of an import end with an ERR of this name.

        Step 0 fails before images are saved, 1 to 3 after.
        """
        self._post("fail_import", name=name, step=step, times=times)

    def latency(self, write: float | None = None, call: float | None = None) -> None:
        """Seconds added to every write, and to every other call."""
        self._post("latency", write=write, call=call)

    def strict_stores(self, on: bool = True) -> None:
        """Refuse concurrent calls on one store, as OMERO may."""
        self._post("strict_stores", on=on)

    def disk_full(self, on: bool = True) -> None:
        """Writes and new directories fail with omero.ResourceError."""
        self._post("disk_full", on=on)

    def freeze(self) -> None:
        """Answer no call until `thaw`; connections stay open. (SIGSTOP freezes the whole process.)."""
        self._post("freeze")

    def thaw(self) -> None:
        """Go on, first with what was called meanwhile."""
        self._post("thaw")

    def hold(
        self, place: str, after: int = 0, times: int | None = 1, agent: str = "", *, until_cancelled: bool = False
    ) -> None:
        """Let calls wait at a place until `let_go`: connections stay open, all else goes on.

        A place is an operation (`write`), an operation of one kind of servant (`Handle.close`), or `step-0` to
        `step-3` of an import's processing: before its images are saved, and after. `after` is how many calls pass
        first, `times` how many are held (None: all that come). Sessions whose agent does not begin with `agent` pass.
        With `until_cancelled` they also go on once an import was told to stop: it has still a step before it then.
        """
        self._post("hold", place=place, after=after, times=times, agent=agent, until_cancelled=until_cancelled)

    def waiting(self) -> dict[str, list[str]]:
        """Return, by the place, the agents of the sessions whose calls wait there; nothing where none does yet."""
        return dict(self._post("waiting"))

    def let_go(self) -> None:
        """Hold nothing any more: what waited goes on."""
        self._post("let_go")

    def forget_sessions(self) -> int:
        """End all sessions, as a restart does; returns how many there were."""
        return int(self._post("forget_sessions"))

    def drop_connections(self) -> int:
        """Close the connections of all clients at once; returns how many. They have to log in, or join, again."""
        return int(self._post("drop_connections"))

    def add_to_group(self, user: str, group: str) -> None:
        """Make somebody a member of a group; of `user`, which every active account is in."""
        self._post("add_to_group", user=user, group=group)

    def remove_from_group(self, user: str, group: str) -> None:
        """Take somebody out of a group; out of `user`, and the account is disabled. Sessions go on."""
        self._post("remove_from_group", user=user, group=group)

    def die(self) -> None:
        """Kill the process at once, as SIGKILL does."""
        try:
            self._post("die")
        except OSError:
            return

    def clear(self) -> None:
        """No faults, the latencies of the start, counts at zero."""
        self._post("clear")

    def stats(self) -> Stats:
        """What happened."""
        return Stats(**self._post("stats"))

    def _post(self, switch: str, **arguments: Any) -> Any:
        request = urllib.request.Request(f"{self._url}/{switch}", json.dumps(arguments).encode(), method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from error
