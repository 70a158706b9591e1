"""How many imports an OMERO server gets at a time: fewer while it has trouble, more again when it recovers."""

import logging
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.exceptions import ObjectNotFound

from flows.core.errors import CourierError
from flows.core.names import BULK, pace_name, pool_of
from flows.core.omero_client import latency
from flows.core.requests import Frozen
from flows.core.settings import OmeroServer, Settings, Upkeep
from flows.upkeep import notes
from flows.upkeep.runs import in_state

log = logging.getLogger(__name__)

STRAINED = "courier.omero.strained"
"""The Prefect event of an attempt that OMERO asked to come back later, or that found it full."""


class Pace(Frozen):
    """What an operator wants, and what we have set: kept from round to round."""

    wanted: int
    """The pool's limit as its operator set it."""
    given: int
    """The limit as we set it last."""
    before: int
    """What we replaced by that: still found where we died in between."""
    bulk: int
    """The limit of the bulk queue as we set it last."""
    changed: datetime
    """When we set something."""
    why: str = ""
    """What trouble OMERO has."""


def keep_pace(client: SyncPrefectClient, settings: Settings) -> None:
    """Look at each server once, and set how many imports it gets at a time."""
    for name, server in settings.servers.items():
        try:
            pool = client.read_work_pool(pool_of(name))
        except ObjectNotFound:
            continue
        if pool.concurrency_limit is not None and not pool.is_paused:
            _keep_pace_of(client, name, server, pool.concurrency_limit, settings.upkeep)


def _keep_pace_of(client: SyncPrefectClient, name: str, server: OmeroServer, limit: int, upkeep: Upkeep) -> None:
    noted, now = notes.read(client, pace_name(name)), datetime.now(UTC)
    pace = taken_over(Pace.model_validate(noted) if noted else None, limit, now)
    if now - pace.changed < timedelta(seconds=upkeep.interval / 2):
        return  # another round did it just now
    since = max(pace.changed, now - timedelta(seconds=1.5 * upkeep.interval))
    why = _strain(client, name, since) or _slowness(client, name, server, upkeep.slow_seconds)
    new = next_limit(limit, pace.wanted, troubled=bool(why))
    queue = client.read_work_queue_by_name(BULK, work_pool_name=pool_of(name))
    bulk = beside(new) if queue.concurrency_limit in (pace.bulk, beside(limit)) else queue.concurrency_limit
    if (new, bulk) == (limit, queue.concurrency_limit):
        pace = pace.model_copy(update={"why": why})
    else:
        pace = pace.model_copy(update={"given": new, "before": limit, "bulk": beside(new), "changed": now, "why": why})
        log.info("%s gets %d imports at a time instead of %d. %s", name, new, limit, why)
    if (content := pace.model_dump(mode="json")) != noted:
        notes.write(client, pace_name(name), content)
    if new != limit:
        client.update_work_pool(pool_of(name), WorkPoolUpdate(concurrency_limit=new))
    if bulk != queue.concurrency_limit:
        client.update_work_queue(queue.id, concurrency_limit=bulk)


def taken_over(noted: Pace | None, limit: int, now: datetime) -> Pace:
    """Return what we know of a pool: a limit that is not of our making is what its operator wants."""
    if noted is None:
        return Pace(wanted=limit, given=limit, before=limit, bulk=beside(limit), changed=now - timedelta(days=1))
    if limit not in (noted.given, noted.before):
        return noted.model_copy(update={"wanted": limit, "given": limit, "before": limit})
    return noted


def next_limit(limit: int, wanted: int, *, troubled: bool) -> int:
    """Return how many imports a server gets next: half as many while it has trouble, else one more at a time."""
    return max(1, limit // 2) if troubled else min(wanted, limit + 1)


def beside(limit: int) -> int:
    """Return how many bulk imports may run: where there are several places, one is kept free for people."""
    return max(1, limit - 1)


def _strain(client: SyncPrefectClient, name: str, since: datetime) -> str:
    strained = EventFilter(
        occurred=EventOccurredFilter(since=since, until=datetime.now(UTC) + timedelta(minutes=1)),
        event=EventNameFilter(name=[STRAINED]),
        resource=EventResourceFilter(id=[f"courier.omero.{name}"]),
    )
    found = client.read_events(strained, limit=1).events
    return f"OMERO asked imports to come back later, or had no room: {found[0].payload}." if found else ""


def _slowness(client: SyncPrefectClient, name: str, server: OmeroServer, limit: float) -> str:
    """Measure while there is something to import only; a server that is away is no matter of pace."""
    if not _has_work(client, name):
        return ""
    patience = {"call_timeout": min(server.call_timeout, 3 * limit)}
    try:
        took = latency(server.model_copy(update=patience))
    except CourierError as away:
        log.info("%s cannot be measured: %s", name, away)
        return ""
    return f"OMERO took {took:.1f} s to answer." if took > limit else ""


def _has_work(client: SyncPrefectClient, name: str) -> bool:
    due = where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC))
    active = in_state([StateType.PENDING, StateType.RUNNING])
    waiting = where.FlowRunFilter(state=in_state([StateType.SCHEDULED]), next_scheduled_start_time=due)
    pool = where.WorkPoolFilter(name=where.WorkPoolFilterName(any_=[pool_of(name)]))
    return any(
        client.count_flow_runs(flow_run_filter=each, work_pool_filter=pool)
        for each in (where.FlowRunFilter(state=active), waiting)
    )
