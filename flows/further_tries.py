"""Whether an import that could not end well is tried again, and when: it holds no process until then. Asks nobody."""

from collections.abc import Callable
from datetime import UTC, datetime

from flows.core.errors import AccountRefused, OmeroUnavailable, RunPutOff
from flows.core.ledger import Ledger
from flows.core.names import AWAITING_RETRY, PUT_OFF
from flows.core.requests import Failure, Frozen
from flows.core.settings import Retries
from flows.later import wait_before

SHUT = frozenset({OmeroUnavailable().code, AccountRefused().code})
"""What keeps every import out of an OMERO, and not this one only."""


class FurtherTry(Frozen):
    """When a run goes on, and why not now."""

    state_name: str
    when: datetime
    message: str


def further_try(
    ledger: Ledger, failure: Failure | None, tries: int, settings: Retries, hold: Callable[[], bool]
) -> FurtherTry | None:
    """Return when an import is tried again, or None when it has ended.

    Args:
        ledger: what was done, and what is left.
        failure: what stopped it as a whole, if something did.
        tries: how often it was tried again since a person asked for it.
        settings: how often it may be, and when.
        hold: holds the pool of an OMERO that does not answer any more; whether that is so.
    """
    now = datetime.now(UTC)
    if isinstance(stop := ledger.stopped_by, RunPutOff) and (ledger.unfinished() or not ledger.statuses()):
        return FurtherTry(state_name=PUT_OFF, when=now, message=stop.what)
    reasons = reasons_to_try_again(ledger, failure)
    if not reasons:
        return None
    away = any(each.code in SHUT for each in reasons) and hold()
    if away and not any(each.attempts for each in ledger.statuses()):
        # It did nothing yet, so it cannot be what felled OMERO: no try is counted.
        return FurtherTry(state_name=PUT_OFF, when=now, message=reasons[0].what)
    wait = wait_before(tries, settings)
    if wait is None:
        return None
    count = f"{tries + 1} of {len(settings.minutes)}"
    message = f"It is tried again ({count}). {reasons[0]}"
    # Where OMERO is away it waits in line, and goes on as soon as the pool does.
    return FurtherTry(state_name=AWAITING_RETRY, when=now if away else now + wait, message=message)


def reasons_to_try_again(ledger: Ledger, failure: Failure | None) -> list[Failure]:
    """Return why the import, or what is left of it, may still succeed: nothing where it may not."""
    if failure is not None:
        return [failure] if failure.transient else []
    return [each.failure for each in ledger.unfinished() if each.failure is not None and each.failure.transient]
