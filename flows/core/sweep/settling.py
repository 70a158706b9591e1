"""Says whether a file has been left alone long enough, and if not for how much longer it is waited for; no disk."""

from datetime import timedelta
from typing import NamedTuple

_AHEAD = 2.0
"""Seconds that the clock of a file server may be ahead before its times say nothing."""


class Wait(NamedTuple):
    """Why a fileset is not taken yet."""

    code: str
    reason: str


def wait_for(mtime_ns: int, seen_since: float | None, *, now: float, quiet: timedelta) -> Wait | None:
    """Say why a file is not taken yet; None where it has settled.

    `seen_since` is when an earlier look first saw it just as it is now, None where none did. A time in the future
    says nothing: then two looks, the quiet period apart, have to be the same.
    """
    needed = quiet.total_seconds()
    if not needed:
        return None
    age = now - mtime_ns / 1e9
    if age < -_AHEAD:
        return _by_looks(-age, seen_since, now, needed)
    if age < needed:
        left = words(needed - age)
        return Wait(
            "quiet-period",
            f"It changed {words(max(age, 0))} ago, and has to be left alone for {words(needed)}: {left} more.",
        )
    return None if seen_since is not None else FIRST_LOOK


FIRST_LOOK = Wait("first-look", "It is seen for the first time: the next sweep takes it if it is unchanged then.")


def _by_looks(ahead: float, since: float | None, now: float, needed: float) -> Wait | None:
    left = needed if since is None else needed - (now - since)
    if since is not None and left <= 0:
        return None
    return Wait(
        "clock-ahead",
        f"Its time lies {words(ahead)} in the future, so a clock is wrong; "
        f"it is taken once sweeps have seen it unchanged for {words(needed)}: {words(left)} more.",
    )


def words(seconds: float) -> str:
    """Write a length of time for people: the two largest units at most."""
    rest = max(round(seconds), 1)
    parts = []
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count:,} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts[:2])
