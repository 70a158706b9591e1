"""The notify stage: tells people what became of an import; never decides anything about it."""

from flows.core.notify.channels import Delivery, receivers, send
from flows.core.notify.letters import Letter, letters, shortened
from flows.core.notify.messages import Message, failure_alert, headline, import_summary, report_page

__all__ = [
    "Delivery",
    "Letter",
    "Message",
    "failure_alert",
    "headline",
    "import_summary",
    "letters",
    "receivers",
    "report_page",
    "send",
    "shortened",
]
