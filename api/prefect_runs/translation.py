"""A flow run as Prefect tells it, in the words of the interface; asks nobody."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Scheduled

from api.prefect_runs.states import LOST, States, import_state
from api.runs import Run, RunUnknown, Step
from flows.core.names import HELD, HELD_FOR, is_bulk, station_of

FINGERPRINT = "courier.fingerprint"
FAR = HELD_FOR / 2
"""A run that is due so long after it was made was made to be held: nobody may ask for a time so far away."""


def translate(run: FlowRun) -> Run:
    """Translate; raise `RunUnknown` for a run that is not of an import: it has no server among its tags."""
    server = next(tagged(run, "server:"), None)
    request = run.parameters.get("request")
    if server is None or not isinstance(request, dict) or run.state is None:
        raise RunUnknown
    created = run.created or run.state.timestamp
    held = run.state.type is StateType.SCHEDULED and run.state.name == HELD
    return Run(
        id=run.id,
        name=run.name,
        server=server,
        user=next(tagged(run, "user:"), None) or str(request.get("on_behalf_of", "")),
        state=import_state(run.state.type.value, run.state.name),
        stopping=run.state.type is StateType.CANCELLING,
        message=_message(run.state),
        created=created,
        due=_due(run.expected_start_time or created, created),
        bulk=is_bulk(run.work_queue_name),
        station=station_of(run.work_queue_name),
        held=held,
        next_start=None if held else run.next_scheduled_start_time,
        attempts=run.run_count,
        started=run.start_time,
        ended=run.end_time,
        key=run.idempotency_key or str(run.id),
        fingerprint=str(run.labels.get(FINGERPRINT, "")),
        request=request,
        tags=frozenset(run.tags),
    )


def translate_state(state: State) -> Step:
    """Translate one state of a run."""
    waits = state.type is StateType.SCHEDULED and state.name != HELD
    return Step(
        when=state.timestamp,
        state=import_state(state.type.value, state.name),
        message=_message(state),
        next_start=state.state_details.scheduled_time if waits else None,
    )


def _message(state: State) -> str:
    return LOST if state.type is StateType.CRASHED else state.message or ""


def _due(expected: datetime, created: datetime) -> datetime:
    """Prefect keeps for good when a run was first to start, which for a held one is years ahead."""
    return expected - HELD_FOR if expected - created > FAR else expected


def held_until(start: datetime, user: str) -> State[None]:
    """Return the state of a run that waits for its time and until an earlier one of the user has ended."""
    message = f"Waits until an earlier import of {user} has ended."
    return Scheduled(name=HELD, scheduled_time=start + HELD_FOR, message=message)


def state_filter(state: States) -> where.FlowRunFilterState:
    """Ask for these states."""
    return where.FlowRunFilterState(
        type=where.FlowRunFilterStateType(any_=[StateType(each) for each in state.types]),
        name=where.FlowRunFilterStateName(any_=state.named, not_any_=state.not_named),
    )


def tagged(run: FlowRun, prefix: str) -> Iterator[str]:
    """Return what stands behind `prefix` in the run's tags."""
    return (tag.removeprefix(prefix) for tag in run.tags if tag.startswith(prefix))


def just_before(moment: datetime) -> datetime:
    """Prefect's filters include the moment itself."""
    return moment - timedelta(microseconds=1)
