"""The notify stage: tells people what became of an import; never decides anything about it."""

from flows.core.notify.channels import Delivery, receivers, send
from flows.core.notify.letters import Letter, letters, shortened
from flows.core.notify.messages import Message, failure_alert, headline, import_summary, report_page
from flows.core.notify.notices import Day, Delay, Matter, ServerDay, digest, files_stay, interim_word
from flows.core.notify.sweep_notices import SweepNotice, folder_away, set_aside, sweep_failed

__all__ = [
    "Day",
    "Delay",
    "Delivery",
    "Letter",
    "Matter",
    "Message",
    "ServerDay",
    "SweepNotice",
    "digest",
    "failure_alert",
    "files_stay",
    "folder_away",
    "headline",
    "import_summary",
    "interim_word",
    "letters",
    "receivers",
    "report_page",
    "send",
    "set_aside",
    "shortened",
    "sweep_failed",
]
