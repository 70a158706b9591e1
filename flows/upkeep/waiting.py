"""Runs that are held back so that one user leaves room for others: released as the user's earlier ones end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import StateType, WorkQueueStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from flows.core import names
from flows.core.settings import Settings
from flows.upkeep.runs import IMPORTS, PAGE, change, find, in_state, of_flows, tag_value, tagged

SOON = timedelta(minutes=1)
"""A run that is due within that time stands in line already."""


def release_held_runs(client: SyncPrefectClient, settings: Settings) -> None:
    """Let the next runs of every user stand in line who has room: what the end of an import could not do."""
    for server, user in sorted(set(_who_waits(client))):
        if server in settings.servers:
            release_next(client, server, user, settings.servers[server].runs_per_user)


def release_next(client: SyncPrefectClient, server: str, user: str, k: int) -> int:
    """Let held runs of a user stand in line, oldest first, while fewer than `k` do in their queue; return how many."""
    return sum(_release(client, server, user, k, queue) for queue in lines(client, names.pool_of(server)))


def lines(client: SyncPrefectClient, pool: str) -> list[str]:
    """Name the queues of a pool that imports stand in: one of people and one of bulk, and those of workstations."""
    try:
        return [queue.name for queue in client.read_work_queues(work_pool_name=pool) if names.is_line(queue.name)]
    except ObjectNotFound:
        return [names.PEOPLE, names.BULK]


def served_lines(client: SyncPrefectClient, pool: str | None) -> list[str]:
    """Name the queues of people that a worker takes from: of a workstation that is off nobody's turn can come."""
    if pool is None:
        return [names.PEOPLE]
    return [
        queue.name
        for queue in client.read_work_queues(work_pool_name=pool)
        if names.is_line(queue.name) and not names.is_bulk(queue.name)
        if names.station_of(queue.name) is None or queue.status is WorkQueueStatus.READY
    ]


def _release(client: SyncPrefectClient, server: str, user: str, k: int, queue: str) -> int:
    # Looked at first, counted afterwards: who else releases meanwhile takes the same ones, and makes the count grow.
    held = client.read_flow_runs(
        flow_filter=of_flows(IMPORTS),
        flow_run_filter=_held(queue, names.user_tag(user), names.server_tag(server)),
        sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        limit=PAGE,
    )
    released = 0
    for run in held:
        if in_line(client, server, user, queue) >= k:
            break
        released += change(client, run, Scheduled(scheduled_time=datetime.now(UTC), message="Its turn has come."))
    return released


def in_line(client: SyncPrefectClient, server: str, user: str, queue: str) -> int:
    """Count a user's runs of a queue that run, or that would start if there was a free place."""
    whose = tagged(names.user_tag(user), names.server_tag(server))
    active = in_state([StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    due = where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC) + SOON)
    waiting = in_state([StateType.SCHEDULED], but=[names.HELD])
    return sum(
        client.count_flow_runs(flow_filter=of_flows(IMPORTS), flow_run_filter=each)
        for each in (
            where.FlowRunFilter(tags=whose, work_queue_name=_queue(queue), state=active),
            where.FlowRunFilter(
                tags=whose, work_queue_name=_queue(queue), state=waiting, next_scheduled_start_time=due
            ),
        )
    )


def _who_waits(client: SyncPrefectClient) -> Iterator[tuple[str, str]]:
    for run in find(client, IMPORTS, _held(None), FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC):
        server, user = tag_value(run, names.server_tag("")), tag_value(run, names.user_tag(""))
        if server and user:
            yield server, user


def _held(queue: str | None, *tags: str) -> where.FlowRunFilter:
    """Mean held runs whose time has come."""
    return where.FlowRunFilter(
        tags=tagged(*tags) if tags else None,
        work_queue_name=None if queue is None else _queue(queue),
        state=in_state([StateType.SCHEDULED], names.HELD),
        next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC) + names.HELD_FOR),
    )


def _queue(name: str) -> where.FlowRunFilterWorkQueueName:
    return where.FlowRunFilterWorkQueueName(any_=[name])
