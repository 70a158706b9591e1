"""Runs as housekeeping finds them in Prefect, and how it changes them: looked at again just before."""

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.core import names
from flows.history import State as Step

log = logging.getLogger(__name__)

PAGE = 50
"""Runs come with their parameters: up to 256 KiB each."""
SECONDS_AT_A_TIME = 30.0
IMPORTS = (names.IMPORT_FLOW,)
PROMISED = (names.IMPORT_FLOW, names.MESSAGE_FLOW, names.PUT_AWAY_FLOW)
"""Flows whose runs are to come to an end, whatever dies."""
REPEATED = (names.HOUSEKEEPING_FLOW, names.SWEEP_FLOW)
"""Flows whose next run does what one that was lost did not."""
OURS = (*PROMISED, *REPEATED)
T = TypeVar("T")
LIVING = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED)


def of_flows(flows: Collection[str]) -> where.FlowFilter:
    """Mean the runs of these flows."""
    return where.FlowFilter(name=where.FlowFilterName(any_=list(flows)))


def in_state(types: Collection[StateType], *names: str, but: Collection[str] = ()) -> where.FlowRunFilterState:
    """Mean runs in a state of these types, of any name or these, but not those."""
    name = where.FlowRunFilterStateName(any_=list(names) or None, not_any_=list(but) or None)
    return where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=list(types)), name=name)


def tagged(*tags: str) -> where.FlowRunFilterTags:
    """Mean runs that have all of these tags."""
    return where.FlowRunFilterTags(all_=list(tags))


def find(
    client: SyncPrefectClient,
    flows: Collection[str],
    wanted: where.FlowRunFilter,
    sort: FlowRunSort = FlowRunSort.ID_DESC,
) -> Iterator[FlowRun]:
    """Return all runs that match, page by page: what is read of a page is as it was then."""
    for offset in count(0, PAGE):
        page = client.read_flow_runs(
            flow_filter=of_flows(flows), flow_run_filter=wanted, sort=sort, limit=PAGE, offset=offset
        )
        yield from page
        if len(page) < PAGE:
            return


def for_a_while(things: Iterable[T], seconds: float = SECONDS_AT_A_TIME) -> Iterator[T]:
    """Yield runs, say, until the time is up: where somebody takes long to answer, the rest waits for the next round."""
    end = time.monotonic() + seconds
    for each in things:
        if time.monotonic() > end:
            log.info("the rest is left to the next round")
            return
        yield each


def history(client: SyncPrefectClient, run_id: UUID) -> list[Step]:
    """Return the states of a run, oldest first, as `flows.history` counts them."""
    states = sorted(client.read_flow_run_states(run_id), key=lambda state: state.timestamp)
    return [(state.type.value, state.name) for state in states]


def change(client: SyncPrefectClient, seen: FlowRun, state: State[Any]) -> bool:
    """Set the state of a run that is still in the one it was seen in; say whether it is in the new one now."""
    try:
        now = client.read_flow_run(seen.id)
        if now.state is None or seen.state is None or now.state.id != seen.state.id:
            return False
        answer = client.set_flow_run_state(seen.id, state)
    except ObjectNotFound:
        return False
    if answer.status is not SetStateStatus.ACCEPT:
        log.warning("%s stays %s: Prefect does not accept %s", seen.name, seen.state.name, state.name)
        return False
    log.info("%s was %s, is %s: %s", seen.name, seen.state.name, state.name, state.message)
    return True


def tag(client: SyncPrefectClient, run_id: UUID, *, add: str | None = None, drop: Collection[str] = ()) -> None:
    """Add a tag to a run, and take others off."""
    tags = set(client.read_flow_run(run_id).tags)
    changed = (tags | ({add} if add else set())) - set(drop)
    if changed != tags:
        client.update_flow_run(run_id, tags=changed)


def tag_value(run: FlowRun, prefix: str) -> str | None:
    """Return what follows the prefix in the run's tags, for example the user after `user:`."""
    return next((each.removeprefix(prefix) for each in sorted(run.tags) if each.startswith(prefix)), None)


def since(run: FlowRun) -> datetime:
    """Say since when a run is in its state."""
    assert run.state is not None, "only a run that is just being made has no state"
    return run.state.timestamp
