"""What nobody needs any more: copies of runs that are over, and old runs with the names and paths in them."""

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.core.names import HOUSEKEEPING_FLOW, PUT_OFF, SWEEP_FLOW, UNDER_WAY
from flows.core.settings import Settings
from flows.core.transfer import clear_run, runs_with_copies
from flows.upkeep.runs import PROMISED, REPEATED, in_state, of_flows

log = logging.getLogger(__name__)

AT_A_TIME = 200
"""Runs forgotten in one round: after a long time without any, the rounds stay short."""
ROUNDS_KEPT = timedelta(days=1)
"""There is a round of housekeeping each minute."""
SWEEPS_KEPT = timedelta(days=3)
"""Each sweep leaves a table."""


def clear_staging(client: SyncPrefectClient, settings: Settings) -> None:
    """Remove old copies that no living run owns: each worker clears up after itself, unless it dies."""
    before = datetime.now(UTC) - timedelta(days=settings.upkeep.staging_days)
    for name, changed in runs_with_copies(settings.staging).items():
        if changed < before and _is_over(client, name):
            clear_run(settings.staging, name)
            log.info("removed the copies of the run %s, which is over", name)


def forget_old_runs(client: SyncPrefectClient, settings: Settings) -> None:
    """Delete what ended well, or was cancelled, long ago; failures stay until somebody deals with them."""
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=settings.upkeep.keep_days)
    well = (StateType.COMPLETED, StateType.CANCELLED)
    badly = (StateType.FAILED, StateType.CRASHED)
    for run in chain(
        _ended(client, PROMISED, well, long_ago),
        _ended(client, REPEATED, badly, long_ago),
        _ended(client, [HOUSEKEEPING_FLOW], well, now - ROUNDS_KEPT),
        _but_latest(client, _ended(client, [SWEEP_FLOW], well, now - SWEEPS_KEPT)),
    ):
        forget(client, run.id)


def forget(client: SyncPrefectClient, run_id: UUID) -> None:
    """Delete a run with all that it shows; its log goes with it, and its events when Prefect's own retention ends."""
    own = where.ArtifactFilter(flow_run_id=where.ArtifactFilterFlowRunId(any_=[run_id]))
    while artifacts := client.read_artifacts(artifact_filter=own):
        for artifact in artifacts:
            with suppress(ObjectNotFound):
                client.delete_artifact(artifact.id)
    with suppress(ObjectNotFound):
        client.delete_flow_run(run_id)


def _ended(
    client: SyncPrefectClient, flows: Collection[str], types: Collection[StateType], before: datetime
) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_filter=of_flows(flows),
        flow_run_filter=where.FlowRunFilter(state=in_state(types), end_time=where.FlowRunFilterEndTime(before_=before)),
        sort=FlowRunSort.ID_DESC,
        limit=AT_A_TIME,
    )


def _but_latest(client: SyncPrefectClient, sweeps: Collection[FlowRun]) -> list[FlowRun]:
    """Leave out the latest sweep of each folder that ended well: its table is what is known of the folder."""
    well = where.FlowRunFilter(state=in_state([StateType.COMPLETED], but=[PUT_OFF, UNDER_WAY]))
    latest = set()
    for deployment in {each.deployment_id for each in sweeps if each.deployment_id is not None}:
        own = where.DeploymentFilter(id=where.DeploymentFilterId(any_=[deployment]))
        found = client.read_flow_runs(
            deployment_filter=own, flow_run_filter=well, sort=FlowRunSort.END_TIME_DESC, limit=1
        )
        latest |= {each.id for each in found}
    return [each for each in sweeps if each.id not in latest]


def _is_over(client: SyncPrefectClient, name: str) -> bool:
    try:
        state = client.read_flow_run(UUID(name)).state
    except ObjectNotFound:
        return True
    except ValueError:
        return False  # it is none of ours
    return state is not None and state.is_final() and not state.is_crashed()
