"""The day's digest for administrators: what was imported, what waits for them; pure, sends nothing."""

from datetime import date

from flows.core.notify.messages import ROWS_IN_A_MESSAGE, Message, Tone
from flows.core.notify.render import Line, Link, Page, Table, as_html, as_text, printable
from flows.core.notify.words import are, plural, size
from flows.core.requests import Frozen


class Ended(Frozen):
    """Imports of one OMERO server that ended within the day."""

    server: str
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    images: int = 0
    volume: int = 0
    """Bytes."""
    waiting: int = 0
    """Imports that wait or run now."""
    away: str = ""
    """Since when OMERO has been away, and why, if it is."""


class Undone(Frozen):
    """Something that waits for a person."""

    what: str
    url: str
    why: str


class Digest(Frozen):
    """What administrators are told once a day."""

    day: date
    servers: tuple[Ended, ...]
    failures: tuple[Undone, ...]
    """Failed imports that nobody has dealt with, newest first."""
    failures_in_all: int
    unsent: tuple[Undone, ...]
    """Messages that could not be sent."""
    unsent_in_all: int
    console: str


def digest_message(digest: Digest) -> Message:
    """Write the digest; its subject is the same all day."""
    subject = f"omero-courier: digest of {digest.day:%d %B %Y}"
    page: Page = (
        (f"The last 24 hours of omero-courier. {_summary(digest)}",),
        *(_server(each) for each in digest.servers),
        *_table("Failed imports that nobody has dealt with", digest.failures, digest.failures_in_all),
        *_table("Messages that could not be sent", digest.unsent, digest.unsent_in_all),
        (Link("Open the console", digest.console),),
    )
    away = any(each.away for each in digest.servers)
    tone: Tone = "failure" if away else "warning" if _undone(digest) else "success"
    return Message(subject=printable(subject), text=as_text(page), html=as_html(page, subject), tone=tone)


def _summary(digest: Digest) -> str:
    images, undone = sum(each.images for each in digest.servers), _undone(digest)
    waits = (
        f"{undone} {'matter waits' if undone == 1 else 'matters wait'} for you" if undone else "nothing waits for you"
    )
    return f"{plural(images, 'image').capitalize()} imported; {waits}."


def _undone(digest: Digest) -> int:
    return digest.failures_in_all + digest.unsent_in_all


def _server(ended: Ended) -> Line:
    away = f" It has been away {ended.away}" if ended.away else ""
    told = (
        f"{ended.server}: {plural(ended.completed, 'import')} completed, {ended.failed} failed, "
        f"{ended.cancelled} cancelled; {plural(ended.images, 'image')}, {size(ended.volume)}. "
        f"{plural(ended.waiting, 'import')} {are(ended.waiting)} waiting or running now.{away}"
    )
    return (told,)


def _table(title: str, undone: tuple[Undone, ...], in_all: int) -> tuple[Table, ...]:
    if not undone:
        return ()
    rows = tuple((((Link(each.what, each.url),),), ((each.why,),)) for each in undone[:ROWS_IN_A_MESSAGE])
    more: Line = (f"and {in_all - len(rows)} more",) if in_all > len(rows) else ()
    return (Table(title, ("Which", "Why"), rows, more),)
