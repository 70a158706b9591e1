"""Runs whose process was lost: they start again after a while, and fail for good when it happens too often."""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Failed, Scheduled

from flows.core import names
from flows.core.settings import Retries, Settings
from flows.history import State as Step
from flows.history import crashes_since_person
from flows.upkeep.runs import PROMISED, change, find, history, in_state, tag

ADVICE = "Look at its log and at the worker's, then retry it."


def revive_lost_runs(client: SyncPrefectClient, settings: Settings) -> None:
    """Let each run whose process was lost go on, or fail."""
    lost = where.FlowRunFilter(state=in_state([StateType.CRASHED]))
    for run in list(find(client, PROMISED, lost)):
        revive(client, run, settings.retries)


def revive(client: SyncPrefectClient, run: FlowRun, retries: Retries) -> None:
    """Let a run whose process was lost go on, or fail."""
    state = what_becomes(history(client, run.id), retries, startable=run.deployment_id is not None)
    if not state.is_final():
        forget_process(client, run)
    if change(client, run, state) and state.is_final():
        # Whatever its user was told before, it was not this.
        tag(client, run.id, drop=[names.TOLD])


def forget_process(client: SyncPrefectClient, run: FlowRun) -> None:
    """Note that a lost run has no process any more: Prefect then cancels it at once when it is asked to."""
    now = client.read_flow_run(run.id).state
    if now is not None and run.state is not None and now.id == run.state.id:
        nothing = {"infrastructure_pid": None}
        client.request("PATCH", "/flow_runs/{id}", path_params={"id": run.id}, json=nothing)


def what_becomes(steps: list[Step], retries: Retries, *, startable: bool = True) -> State[None]:
    """Return the state that a run gets whose process was lost, after what it went through.

    Args:
        steps: its states, oldest first.
        retries: how often it may start again, and after how long.
        startable: whether its deployment still exists.
    """
    earlier = [state for state, _ in steps if state != StateType.CRASHED.value]
    if earlier[-1:] == [StateType.CANCELLING.value]:
        return Cancelled(message="Cancelled.")
    crashes = crashes_since_person(steps)
    if crashes > retries.crashes or not startable:
        times = "once" if crashes == 1 else f"{crashes} times"
        return Failed(message=f"Its process was lost {times}, and it is not started again. {ADVICE}")
    wait = timedelta(seconds=retries.crash_seconds * 2 ** max(crashes - 1, 0))
    message = f"Its process was lost; it starts again, {crashes} of at most {retries.crashes} times."
    return Scheduled(name=names.REVIVED, scheduled_time=datetime.now(UTC) + wait, message=message)
