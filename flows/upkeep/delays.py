"""Imports that wait long: their users get an interim word, once, and are not left to wonder."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, StateType

from flows.core import names
from flows.core.mounts import stations
from flows.core.notify import Delay, Letter, interim_word
from flows.core.requests import Failure
from flows.core.settings import Settings
from flows.history import last_asked
from flows.outbox import About, hand_over
from flows.upkeep import notes
from flows.upkeep.addresses import find_address, receivers_of
from flows.upkeep.runs import IMPORTS, find, for_a_while, in_state, tag, tag_value

log = logging.getLogger(__name__)

TURN = frozenset({"Scheduled", "Late", names.HELD})
"""States of those that only wait for their turn."""
FAR = timedelta(days=365)
"""What is scheduled after that was held when it was asked for."""


def tell_of_delays(client: SyncPrefectClient, settings: Settings, *, now: datetime | None = None) -> None:
    """Tell users whose imports wait longer than the settings say; of many that wait for their turn, of one."""
    now = now or datetime.now(UTC)
    in_turn: set[tuple[str, str]] = set()
    limit = timedelta(minutes=settings.notifications.delay_minutes)
    people = [names.queue_of(bulk=False, station=each) for each in (None, *sorted(stations(settings)))]
    outage_of = cache(lambda server: notes.read(client, names.outage_name(server)))
    for run in for_a_while(list(_late(client, limit, now, people))):
        whose = tag_value(run, names.server_tag("")) or "", tag_value(run, names.user_tag("")) or ""
        waits_in_turn = run.state is not None and run.state.name in TURN
        if not (waits_in_turn and whose in in_turn) and not _tell(client, run, settings, now, outage_of(whose[0])):
            continue
        if waits_in_turn:
            in_turn.add(whose)
        tag(client, run.id, add=names.INTERIM_TOLD)


def _tell(
    client: SyncPrefectClient, run: FlowRun, settings: Settings, now: datetime, outage: dict[str, Any] | None
) -> bool:
    """Hand the word over; say whether there is somebody who can be told."""
    user, server = tag_value(run, names.user_tag("")) or "", tag_value(run, names.server_tag("")) or ""
    if outage is None:
        find_address(client, run, settings)
    receivers = receivers_of(client.read_flow_run(run.id), settings)
    if not receivers:
        return False
    word = interim_word(
        Delay(
            run_id=str(run.id),
            run_name=run.name,
            run_url=settings.console.run(run.id),
            user=user,
            server=server,
            since=_asked(client, run),
            now=now,
            reason=_reason(run, outage),
            next_try=run.next_scheduled_start_time if _is_later(run, now) else None,
        )
    )
    about = About(run_id=str(run.id), user=user, server=server, occasion="delay")
    hand_over([Letter(receiver, word) for receiver in receivers], about)
    return True


def _late(client: SyncPrefectClient, limit: timedelta, now: datetime, queues: list[str]) -> Iterator[FlowRun]:
    """Return those of people that wait longer than the limit, or will, and whose users were not told."""
    seen = set()
    for wanted in _filters(limit, now, queues):
        for run in find(client, IMPORTS, wanted):
            if run.id in seen or names.INTERIM_TOLD in run.tags:
                continue
            seen.add(run.id)
            if now - _asked(client, run) > limit or _is_later(run, now + limit):
                yield run


def _filters(limit: timedelta, now: datetime, queues: list[str]) -> Iterator[where.FlowRunFilter]:
    people = where.FlowRunFilterWorkQueueName(any_=queues)
    long_since = where.FlowRunFilterExpectedStartTime(before_=now - limit)
    were_held = where.FlowRunFilterExpectedStartTime(after_=now + FAR, before_=now + names.HELD_FOR - limit)
    for due in (long_since, were_held):
        yield where.FlowRunFilter(
            state=in_state([StateType.SCHEDULED]), work_queue_name=people, expected_start_time=due
        )
    yield where.FlowRunFilter(
        state=in_state([StateType.SCHEDULED], names.AWAITING_RETRY),
        work_queue_name=people,
        next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(after_=now + limit),
    )


def _asked(client: SyncPrefectClient, run: FlowRun) -> datetime:
    """Return when a run was to start, at the wish of a person."""
    states = sorted(client.read_flow_run_states(run.id), key=lambda state: state.timestamp)
    asked = states[last_asked((state.type.value, state.name) for state in states)]
    due = asked.state_details.scheduled_time or asked.timestamp
    return due - names.HELD_FOR if due - asked.timestamp > FAR else max(due, asked.timestamp)


def _is_later(run: FlowRun, moment: datetime) -> bool:
    due = run.next_scheduled_start_time
    held = run.state is not None and run.state.name == names.HELD
    return due is not None and due > moment and not held


def _reason(run: FlowRun, outage: dict[str, Any] | None) -> Failure | None:
    what = f"OMERO is away. {outage.get('reason')}" if outage else _message(run)
    if not what and (station := names.station_of(run.work_queue_name)) is not None:
        what = f"Its files lie on the workstation {station}, whose own worker has to import them: is that one running?"
    return Failure(code="waiting", what=what, advice="", transient=True) if what else None


def _message(run: FlowRun) -> str:
    state = run.state
    return (state.message or "") if state is not None and state.name not in TURN else ""
