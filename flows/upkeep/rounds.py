"""The rounds of housekeeping themselves: whether they were made, and those that were missed."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.core.names import HOUSEKEEPING_FLOW, SWEEP_FLOW
from flows.core.settings import Settings, Upkeep
from flows.upkeep.runs import find, in_state, of_flows, tagged

MISSED = timedelta(seconds=15)
"""What was due that long ago nobody took."""
BY_ITSELF = "auto-scheduled"
"""The tag that Prefect gives to runs that a schedule asks for."""
ENOUGH = 3
"""Rounds that may be made side by side."""


def forget_missed_rounds(client: SyncPrefectClient, _settings: Settings) -> None:
    """Remove rounds that were due while no worker ran: one round does the work of all of them."""
    missed = where.FlowRunFilter(
        state=in_state([StateType.SCHEDULED]),
        next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC) - MISSED),
    )
    for run in list(find(client, [HOUSEKEEPING_FLOW], missed)):
        with suppress(ObjectNotFound):  # another round did it
            client.delete_flow_run(run.id)


def forget_missed_sweeps(client: SyncPrefectClient, _settings: Settings) -> None:
    """Remove all but the latest of the sweeps of a folder that were due by themselves while none could run."""
    missed = where.FlowRunFilter(
        tags=tagged(BY_ITSELF),
        state=in_state([StateType.SCHEDULED]),
        next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC) - MISSED),
    )
    known: set[UUID | None] = set()
    for run in list(find(client, [SWEEP_FLOW], missed, FlowRunSort.EXPECTED_START_TIME_DESC)):
        if run.deployment_id not in known:
            known.add(run.deployment_id)
            continue
        with suppress(ObjectNotFound):  # another round did it
            client.delete_flow_run(run.id)


def crowded(client: SyncPrefectClient) -> bool:
    """Say whether enough rounds are being made: where OMERO takes long to answer, they must not pile up."""
    running = where.FlowRunFilter(state=in_state([StateType.RUNNING]))
    return client.count_flow_runs(flow_filter=of_flows([HOUSEKEEPING_FLOW]), flow_run_filter=running) > ENOUGH


def watched(client: SyncPrefectClient, upkeep: Upkeep) -> bool:
    """Say whether rounds were made all the time in which a run must have been silent to count as lost.

    While Prefect is away nobody hears the signs of life; after its return runs get time to give another one.
    """
    now = datetime.now(UTC)
    gap = timedelta(seconds=max(upkeep.silence, 1.5 * upkeep.interval))
    silence = timedelta(seconds=upkeep.silence)
    recent = where.FlowRunFilter(start_time=where.FlowRunFilterStartTime(after_=now - silence - gap))
    found = find(client, [HOUSEKEEPING_FLOW], recent, FlowRunSort.START_TIME_ASC)
    return unbroken([run.start_time for run in found if run.start_time is not None], now, silence, gap)


def unbroken(starts: Sequence[datetime], now: datetime, silence: timedelta, gap: timedelta) -> bool:
    """Say whether the first of `starts` is older than `silence`, and no two, nor the last and now, are further apart.

    Args:
        starts: when rounds began, oldest first.
        now: the time.
        silence: how far back they must reach.
        gap: what may lie between two of them.
    """
    if not starts or starts[0] > now - silence:
        return False
    return all(later - earlier <= gap for earlier, later in pairwise((*starts, now)))
