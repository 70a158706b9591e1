"""The interim word: tells a user which of their imports have to wait long, and why; pure, sends nothing."""

from collections.abc import Sequence
from datetime import datetime

from flows.core.notify.messages import ROWS_IN_A_MESSAGE, Message
from flows.core.notify.render import Cell, Line, Link, Page, Table, as_html, as_text, printable
from flows.core.notify.words import plural, short
from flows.core.requests import Frozen


class DelayedImport(Frozen):
    """An import that has to wait."""

    run_id: str
    run_name: str
    run_url: str
    since: datetime
    """When it was to start."""
    why: str
    next_try: datetime | None = None
    """None: as soon as there is a free place, or OMERO answers again."""


def delay_word(user: str, server: str, delayed: Sequence[DelayedImport]) -> Message:
    """Write to a user that imports of theirs have to wait."""
    (first, *others) = delayed
    one = f"Your import has to wait: {short(first.run_name)}"
    subject = f"{plural(len(delayed), 'import')} of yours have to wait" if others else one
    it = "They go on" if others else "It goes on"
    rows = tuple(_row(each) for each in delayed[:ROWS_IN_A_MESSAGE])
    left_out: Line = (f"and {len(delayed) - len(rows)} more",) if len(delayed) > len(rows) else ()
    page: Page = (
        (f"Hello {user},",),
        (f"What you asked to be imported into {server} has to wait. Nothing is lost: nothing has to be done by you.",),
        Table("What waits", ("Import", "Why", "When it goes on"), rows, left_out),
        (f"{it} without anybody's help, and you get another message when the images are in OMERO.",),
        ("Sent by omero-courier.",),
    )
    return Message(subject=printable(subject), text=as_text(page), html=as_html(page, subject), tone="warning")


def _row(delayed: DelayedImport) -> tuple[Cell, ...]:
    when = f"on {_time(delayed.next_try)}" if delayed.next_try else "as soon as it can"
    asked = f"import {delayed.run_id}, asked for on {_time(delayed.since)}"
    return (((delayed.run_name,), (Link(asked, delayed.run_url),)), ((delayed.why,),), ((when,),))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%d %B, %H:%M}"
