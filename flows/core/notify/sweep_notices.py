"""Says to administrators what a sweep cannot do without them: what was set aside, and a folder that is away. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.core.notify.messages import ROWS_IN_A_MESSAGE, Message
from flows.core.notify.render import Line, Link, Page, Table, as_html, as_text, printable
from flows.core.notify.words import plural, short


@dataclass(frozen=True)
class SweepNotice:
    """What a message of a sweep is about."""

    sweep: str
    root: str
    url: str
    """Of the sweep's run in the Prefect UI."""


def set_aside(about: SweepNotice, matters: Sequence[tuple[str, str]]) -> Message:
    """Write what a sweep has set aside, as path and reason, that it had not set aside before."""
    shown = matters[:ROWS_IN_A_MESSAGE]
    rows = tuple((((path,),), ((reason,),)) for path, reason in shown)
    left = len(matters) - len(shown)
    more: Line = (f"and {left} more: ", Link("all of them", about.url)) if left else ()
    page: Page = (
        (f"The sweep {about.sweep} of {about.root} found {plural(len(matters), 'fileset')} that it cannot import.",),
        ("They stay where they are, and are looked at again when they change, or when they are released.",),
        Table("Set aside", ("What", "Why"), rows, more),
        ("You hear of each of them once. Sent by omero-courier. ", Link("The whole table", about.url)),
    )
    return _message(f"Set aside by the sweep {short(about.sweep)}: {plural(len(matters), 'fileset')}", page)


def folder_away(about: SweepNotice, reason: str) -> Message:
    """Write that a folder cannot be swept."""
    page: Page = (
        (f"The sweep {about.sweep} cannot look at {about.root}.",),
        (reason,),
        ("Nothing is taken for deleted. The sweep goes on by itself once the folder is there again.",),
        ("You hear of it once a day. Sent by omero-courier. ", Link("The sweep", about.url)),
    )
    return _message(f"A watched folder is away: {short(about.sweep)}", page)


def sweep_failed(about: SweepNotice, reason: str) -> Message:
    """Write that a sweep did not come to its end."""
    page: Page = (
        (f"The sweep {about.sweep} of {about.root} failed.",),
        (reason,),
        ("The next one tries again what this one did not do.",),
        ("You hear of it once a day. Sent by omero-courier. ", Link("The sweep", about.url)),
    )
    return _message(f"A watched folder is not swept: {short(about.sweep)}", page)


def _message(subject: str, page: Page) -> Message:
    return Message(subject=printable(subject), text=as_text(page), html=as_html(page, subject), tone="warning")
