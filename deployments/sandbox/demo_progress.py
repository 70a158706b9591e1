"""Follows an import as its user would: a bar with stage, bytes, rate and time left; plain lines without a terminal."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from flows.core.control import Stage

OVER = frozenset({"completed", "partly_failed", "failed", "cancelled"})
_LOOK_EVERY_SECONDS = 0.3
_PATIENCE_SECONDS = 300.0


class TooLong(Exception):
    """The import did not end."""


def follow(look: Callable[[], Mapping[str, Any]], console: Console) -> Mapping[str, Any]:
    """Show the import that `look` returns until it is over, and return how it ended.

    Raises:
        TooLong: it does not end.
    """
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    until, last_line = time.monotonic() + _PATIENCE_SECONDS, ""
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("waiting", total=None)
        while time.monotonic() < until:
            seen = look()
            bar.update(task, description=doing(seen), completed=seen["bytes_done"], total=seen["bytes_total"] or None)
            if not console.is_terminal and (line := as_line(seen, bar.tasks[task].speed)) != last_line:
                console.print(line)
                last_line = line
            if seen["state"] in OVER:
                return seen
            time.sleep(_LOOK_EVERY_SECONDS)
    raise TooLong(f"The import was not over after {_PATIENCE_SECONDS:.0f} s; it is {seen['state']}.")


def doing(seen: Mapping[str, Any]) -> str:
    """Say in which stages the files are, for example `1 upload, 3 done`."""
    if seen["state"] == "scheduled":
        return "waiting for its turn"
    stages = seen["stages"]
    return ", ".join(f"{stages[each]} {each}" for each in Stage if each in stages) or "looking at the files"


def as_line(seen: Mapping[str, Any], speed: float | None) -> str:
    """Say all that the bar says."""
    done, total = seen["bytes_done"], seen["bytes_total"]
    if not total:
        return f"  {doing(seen)}"
    line = f"  {doing(seen)}: {decimal(done)} of {decimal(total)}"
    if speed and done < total:
        line += f", {decimal(int(speed))}/s, {(total - done) / speed:.0f} s left"
    return line
