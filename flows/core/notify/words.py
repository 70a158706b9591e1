"""Numbers and names as people read them."""

from datetime import datetime

NAME_LENGTH = 80
DAY = 86_400
"""Seconds."""


def plural(count: int, noun: str) -> str:
    """Count a noun: `1 file`, `2 files`, `no files`."""
    return f"{count} {noun}" if count == 1 else f"{count or 'no'} {noun}s"


def are(count: int) -> str:
    """The verb that goes with a count."""
    return "is" if count == 1 else "are"


def short(name: str) -> str:
    """Cut what is too long for a subject or a sentence."""
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def size(count: float) -> str:
    """Bytes in decimal units, as file managers show them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if round(count, 1) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Say it in seconds, minutes or hours: two units at most."""
    if seconds < 1:
        return "less than 1 s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(when: datetime) -> str:
    """Say a moment in the local time of this machine, with its zone: `23 November 2026, 10:05 UTC`."""
    local = when.astimezone()
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def ago(since: datetime, now: datetime) -> str:
    """Say how long ago that was: `2 h 5 min ago`, `3 days ago`."""
    seconds = max((now - since).total_seconds(), 0)
    return f"{plural(int(seconds // DAY), 'day')} ago" if seconds >= 2 * DAY else f"{duration(seconds)} ago"
