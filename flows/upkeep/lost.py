"""Runs whose process is gone without a word: found by their silence, or by the processes of a host, and ended."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Crashed

from flows.core.settings import Settings
from flows.upkeep.rounds import watched
from flows.upkeep.runs import OURS, change, find, history, in_state, since

HEARTBEAT = "prefect.flow-run.heartbeat"
ACTIVE = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
"""What a run is in while it is somebody's to carry out."""
START_SECONDS = 15.0
"""A run is given that long from Pending until its process counts: until then Prefect names the one before."""


def end_lost_runs(client: SyncPrefectClient, settings: Settings) -> None:
    """End the runs that gave no sign of life for too long, if somebody was listening all the time."""
    end_cancelled_without_process(client)
    if watched(client, settings.upkeep):
        mark_lost(client, silence=settings.upkeep.silence)


def mark_lost(
    client: SyncPrefectClient, *, silence: float, run_ids: Collection[UUID | str] | None = None
) -> list[UUID]:
    """Mark runs Crashed, or Cancelled if that was asked for, that neither changed nor gave a sign of life.

    Args:
        client: of the Prefect server.
        silence: for how many seconds.
        run_ids: only these; None looks at all.

    Returns:
        Those that were marked.
    """
    heard_after = datetime.now(UTC) - timedelta(seconds=silence)
    quiet = (run for run in _active(client, run_ids) if since(run) <= heard_after)
    silent = [run for run in quiet if not heard(client, run.id, heard_after)]
    return _end(client, silent, f"Its process gave no sign of life for {silence:.0f} s.")


def lost_on_host(client: SyncPrefectClient, hostname: str, is_alive: Callable[[UUID, int], bool]) -> list[UUID]:
    """Mark runs whose process was on this host and does not exist any more: for a worker that starts.

    Args:
        client: of the Prefect server.
        hostname: the part before the colon of a run's `infrastructure_pid`.
        is_alive: whether a run's process lives, by the run's id and its own; asked after the run was read.

    Returns:
        Those that were marked.
    """
    settled = datetime.now(UTC) - timedelta(seconds=START_SECONDS)
    gone = []
    for run in _active(client):
        host, _, pid = (run.infrastructure_pid or "").rpartition(":")
        starting = run.state is not None and run.state.is_pending() and since(run) > settled
        if host == hostname and pid.isdecimal() and not is_alive(run.id, int(pid)) and not starting:
            gone.append(run)
    return _end(client, gone, f"Its process on {hostname} is gone.")


def end_cancelled_without_process(client: SyncPrefectClient) -> list[UUID]:
    """Mark runs Cancelled that waited when somebody cancelled them in the UI: there is no process to end.

    Prefect would wait five minutes for one.
    """
    return _end(client, filter(lambda run: _waited(client, run), _active(client, types=[StateType.CANCELLING])), "")


def _waited(client: SyncPrefectClient, run: FlowRun) -> bool:
    before = [state for state, _ in history(client, run.id) if state != StateType.CANCELLING.value]
    return before[-1:] == [StateType.SCHEDULED.value]


def _active(
    client: SyncPrefectClient, run_ids: Collection[UUID | str] | None = None, types: Collection[StateType] = ACTIVE
) -> list[FlowRun]:
    ids = None if run_ids is None else where.FlowRunFilterId(any_=[UUID(str(each)) for each in run_ids])
    found = find(client, OURS, where.FlowRunFilter(id=ids, state=in_state(types)))
    return [run for run in found if str(run.id) != str(this_run.id)]


def heard(client: SyncPrefectClient, run_id: UUID, after: datetime) -> bool:
    """Say whether a heartbeat came in: by the clock of the server, since those of workers may be wrong."""
    beats = EventFilter(
        occurred=EventOccurredFilter(since=after - timedelta(days=1), until=datetime.now(UTC) + timedelta(days=1)),
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run_id}"]),
    )
    return any(beat.received >= after for beat in client.read_events(beats, limit=1).events)


def _end(client: SyncPrefectClient, runs: Iterable[FlowRun], why: str) -> list[UUID]:
    ended = []
    for run in runs:
        cancelling = run.state is not None and run.state.is_cancelling()
        state: State[None] = Cancelled(message="Cancelled.") if cancelling else Crashed(message=why)
        if change(client, run, state):
            ended.append(run.id)
    return ended
