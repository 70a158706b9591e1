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

from flows.core.errors import NotificationFailed
from flows.core.names import sweep_table, sweep_totals
from flows.core.notify import Letter, Message, SweepNotice, folder_away, set_aside
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
) -> None:
    """Tell the administrators of what a sweep has set aside and they have not heard of."""
    if matters:
        marks = hashlib.sha256(repr(matters).encode("utf-8", "backslashreplace")).hexdigest()[:16]
        _tell(set_aside(about, matters), f"sweep:{about.sweep}:{marks}", server, administrators)


def tell_of_folder_away(
    about: SweepNotice, reason: str, server: str, now: datetime, administrators: Iterable[str]
) -> None:
    """Tell the administrators, once a day, that a folder cannot be swept."""
    _tell(folder_away(about, reason), f"sweep:{about.sweep}:away:{now:%Y-%m-%d}", server, administrators)


def _tell(message: Message, occasion: str, server: str, administrators: Iterable[str]) -> None:
    """Hand the message over, which is done once for each occasion, however often it is asked for."""
    try:
        hand_over([Letter(each, message) for each in administrators], About(server=server, occasion=occasion))
    except NotificationFailed as failed:
        log.warning("The administrators could not be told: %s", failed)


def _write(client: SyncPrefectClient, run_id: str, key: str, data: list[Any], description: str) -> None:
    client.create_artifact(
        ArtifactCreate(key=key, type="table", data=data, description=description, flow_run_id=UUID(run_id))
    )
