"""What a sweep leaves in Prefect, and what it tells administrators."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate

from flows.core.errors import CourierError, NotificationFailed, SourceAway
from flows.core.names import sweep_table, sweep_totals
from flows.core.notify import Letter, Message, SweepNotice, folder_away, set_aside, sweep_failed
from flows.core.sweep.report import SweepTotals, in_words, rows
from flows.core.sweep.verdicts import Decision
from flows.outbox import About, hand_over

log = logging.getLogger(__name__)


def leave_report(client: SyncPrefectClient, totals: SweepTotals, decisions: Iterable[Decision]) -> None:
    """Leave the table and the totals as artifacts; without Prefect the sweep has done its work all the same."""
    found = list(decisions)
    shown = rows(found)
    known = totals.model_copy(update={"rows_left_out": len(found) - len(shown)})
    table = [row.model_dump(mode="json") for row in shown]
    name, dry_run = totals.sweep, totals.dry_run
    try:
        _write(client, totals.run_id, sweep_table(name, dry_run=dry_run), table, in_words(totals))
        _write(
            client,
            totals.run_id,
            sweep_totals(name, dry_run=dry_run),
            [known.model_dump(mode="json")],
            "What the sweep came to, in numbers: what the API and its metrics read.",
        )
    except httpx.HTTPError as away:
        log.warning("Prefect does not answer, the report is not kept there: %s", away)


def tell_of_what_is_set_aside(
    about: SweepNotice, matters: Sequence[tuple[str, str]], server: str, administrators: Iterable[str]
) -> bool:
    """Tell the administrators of what a sweep has set aside and they have not heard of; say whether they were told."""
    if not matters:
        return True
    marks = hashlib.sha256(repr(matters).encode("utf-8", "backslashreplace")).hexdigest()[:16]
    return _tell(set_aside(about, matters), f"sweep:{about.sweep}:{marks}", server, administrators)


def tell_of_trouble(
    about: SweepNotice, why: CourierError, server: str, now: datetime, administrators: Iterable[str]
) -> None:
    """Tell the administrators, once a day, that a folder cannot be swept."""
    away = isinstance(why, SourceAway)
    message = folder_away(about, str(why)) if away else sweep_failed(about, str(why))
    occasion = f"sweep:{about.sweep}:{'away' if away else 'failed'}:{now:%Y-%m-%d}"
    _tell(message, occasion, server, administrators)


def _tell(message: Message, occasion: str, server: str, administrators: Iterable[str]) -> bool:
    """Hand the message over, which is done once for each occasion, however often it is asked for."""
    try:
        letters = [Letter(each, message, for_administrators=True) for each in administrators]
        hand_over(letters, About(server=server, occasion=occasion))
    except NotificationFailed as failed:
        log.warning("The administrators could not be told: %s", failed)
        return False
    return True


def _write(client: SyncPrefectClient, run_id: str, key: str, data: list[Any], description: str) -> None:
    client.create_artifact(
        ArtifactCreate(key=key, type="table", data=data, description=description, flow_run_id=UUID(run_id))
    )
