"""Says what people should know besides the outcome of an import: that one waits, and how the day went. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flows.core.notify.messages import ROWS_IN_A_MESSAGE, Message
from flows.core.notify.render import Line, Link, Page, Table, as_html, as_text, printable
from flows.core.notify.words import ago, moment, plural, short, size
from flows.core.requests import Failure


@dataclass(frozen=True)
class Delay:
    """An import that waits long."""

    run_id: str
    run_name: str
    run_url: str
    user: str
    server: str
    since: datetime
    """When it was asked for, or should have begun."""
    now: datetime
    reason: Failure | None = None
    """Why the latest try did not succeed; None: it waits for its turn."""
    next_try: datetime | None = None
    """None: as soon as there is a place for it."""


@dataclass(frozen=True)
class Matter:
    """Something that waits for somebody: an import that failed, a message that was not sent, an import that waits."""

    name: str
    """Of its run: says whose import it is, or whom the message was for."""
    url: str
    why: str
    since: datetime


@dataclass(frozen=True)
class ServerDay:
    """What became of the imports into one OMERO server."""

    name: str
    completed: int = 0
    partly_failed: int = 0
    failed: int = 0
    cancelled: int = 0
    images: int = 0
    volume: int = 0
    """Bytes of the files that went in."""
    waiting: int = 0
    """Now, as the next two."""
    running: int = 0
    away_since: datetime | None = None


@dataclass(frozen=True)
class Day:
    """What administrators hear once a day."""

    begin: datetime
    end: datetime
    console: str
    """Address of the Prefect UI."""
    servers: tuple[ServerDay, ...] = ()
    failed: tuple[Matter, ...] = ()
    """Imports that failed for good and were not dealt with, the oldest first."""
    unsent: tuple[Matter, ...] = ()
    delayed: tuple[Matter, ...] = ()


def interim_word(delay: Delay) -> Message:
    """Write to the user that an import waits longer than they would expect, and that they need do nothing."""
    what = delay.run_name.removeprefix(f"{delay.user}: ")
    why = f"Why: {delay.reason.what}" if delay.reason else "Why: it waits for its turn, other imports are before it."
    when = (
        f"The next try is on {moment(delay.next_try)}." if delay.next_try else "It goes on as soon as there is a place."
    )
    page: Page = (
        (f"Hello {delay.user},",),
        (f"your import into the OMERO server {delay.server} has not ended yet: {what}.",),
        (f"It was asked for on {moment(delay.since)}, {ago(delay.since, delay.now)}.",),
        (f"{why} {when}",),
        ("You need do nothing: it goes on by itself, and you get a message once it has ended.",),
        ("Import ", delay.run_id, ", sent by omero-courier. ", Link("How far it is", delay.run_url)),
    )
    return _message(f"Your import waits: {short(what)}", page, "warning")


def digest(day: Day) -> Message:
    """Write to the administrators how the day went, and what waits for somebody."""
    page: Page = (
        (f"omero-courier, from {moment(day.begin)} to {moment(day.end)}.",),
        *_away(day),
        *_servers(day.servers),
        *_matters("Failed imports that nobody dealt with", day.failed, day),
        *_matters("Messages that could not be sent", day.unsent, day),
        *_matters("Imports that wait long", day.delayed, day),
        ("Sent by omero-courier once a day. ", Link("All runs", day.console)),
    )
    open_matters = day.failed or day.unsent or day.delayed or any(each.away_since for each in day.servers)
    return _message(f"omero-courier: {_in_short(day)}", page, "warning" if open_matters else "success")


def _in_short(day: Day) -> str:
    ended = sum(each.completed + each.partly_failed + each.failed + each.cancelled for each in day.servers)
    parts = [f"{plural(ended, 'import')} ended"]
    parts += [f"{plural(len(day.failed), 'failed import')} to look at"] if day.failed else []
    parts += [f"{plural(len(day.unsent), 'message')} not sent"] if day.unsent else []
    parts += [f"{each.name} does not answer" for each in day.servers if each.away_since]
    return ", ".join(parts)


def _away(day: Day) -> tuple[Line, ...]:
    return tuple(
        (f"The OMERO server {each.name} has not answered{_since(each.away_since, day)}. Its imports wait for it.",)
        for each in day.servers
        if each.away_since
    )


def _since(begin: datetime, day: Day) -> str:
    return f" since {moment(begin)}, {ago(begin, day.end)}"


def _servers(servers: Sequence[ServerDay]) -> tuple[Table, ...]:
    if not servers:
        return ()
    rows = tuple(
        (((each.name,),), ((_ended(each),),), ((f"now {each.running} running, {each.waiting} waiting",),))
        for each in servers
    )
    return (Table("Imports", ("Server", "Ended", "Now"), rows),)


def _ended(server: ServerDay) -> str:
    return (
        f"{server.completed} completed, {server.partly_failed} in part, "
        f"{server.failed} failed, {server.cancelled} cancelled; {plural(server.images, 'image')}, {size(server.volume)}"
    )


def _matters(title: str, matters: Sequence[Matter], day: Day) -> tuple[Table, ...]:
    if not matters:
        return ()
    shown = matters[:ROWS_IN_A_MESSAGE]
    rows = tuple((((Link(each.name, each.url),),), ((each.why,),), ((ago(each.since, day.end),),)) for each in shown)
    left = len(matters) - len(shown)
    more: Line = (f"and {left} more: ", Link("all runs", day.console)) if left else ()
    return (Table(title, ("What", "Why", "Since"), rows, more),)


def _message(subject: str, page: Page, tone: str) -> Message:
    return Message(
        subject=printable(subject),
        text=as_text(page),
        html=as_html(page, subject),
        tone="success" if tone == "success" else "warning",
    )


def files_stay(user: str, kept: Sequence[tuple[str, str]], name: str, url: str) -> Message:
    """Write to the user which files, as path and reason, were neither moved nor deleted though that was asked for."""
    shown = kept[:ROWS_IN_A_MESSAGE]
    rows = tuple((((path,),), ((reason,),)) for path, reason in shown)
    left = len(kept) - len(shown)
    more: Line = (f"and {left} more: ", Link("all of them", url)) if left else ()
    subject = f"In OMERO, but {plural(len(kept), 'file')} of yours stay where they are"
    page: Page = (
        (f"Hello {user},",),
        (f"your images are in OMERO ({short(name)}). These files were to be moved or deleted, and were not.",),
        Table("They stay where they are", ("File", "Why"), rows, more, sentences=True),
        ("Nothing is lost. If you need help, forward this message to the people who look after your OMERO.",),
        ("Sent by omero-courier. ", Link("What happened in detail", url)),
    )
    return Message(subject=printable(subject), text=as_text(page), html=as_html(page, subject), tone="warning")
