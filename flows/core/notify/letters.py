"""Says who gets which message when an import has ended: pure, sends nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flows.core.notify.messages import Message, failure_alert, import_summary
from flows.core.notify.render import as_html
from flows.core.status import ImportReport

LONGEST = 80_000
"""Characters of a message that is kept to be sent later: Prefect takes parameters of 512 KiB."""


@dataclass(frozen=True)
class Letter:
    """A message and whom it goes to."""

    receiver: str
    """An e-mail address, or the name of a channel."""
    message: Message
    for_administrators: bool = False
    """It is no word to the user whom it tells of."""


def letters(report: ImportReport, administrators: Iterable[str]) -> tuple[Letter, ...]:
    """Write the summary to the user and, where something failed for good, one alert to each administrator."""
    summaries = [Letter(receiver, import_summary(report)) for receiver in report.receivers]
    alerted = administrators if report.failures else ()
    alerts = [Letter(each, failure_alert(report), for_administrators=True) for each in alerted]
    return (*summaries, *alerts)


def shortened(message: Message) -> Message:
    """Cut a message that is too long to be kept; what is left of it has no links."""
    if len(message.text) + len(message.html) <= LONGEST:
        return message
    text = f"{message.text[: LONGEST // 4].rstrip()}\n\n(The rest was left out: this message was too long.)\n"
    return replace(message, text=text, html=as_html(tuple((line,) for line in text.splitlines()), message.subject))
