"""Prefect's states in the words of the interface, and back; plain data, Prefect itself is not needed."""

from typing import NamedTuple

from api.runs import ImportState

PARTLY_FAILED = "PartlyFailed"
AWAITING_RETRY = "AwaitingRetry"

_BY_NAME = {AWAITING_RETRY: ImportState.WAITING_TO_RETRY, PARTLY_FAILED: ImportState.PARTLY_FAILED}
_BY_TYPE = {
    "SCHEDULED": ImportState.SCHEDULED,
    "PENDING": ImportState.SCHEDULED,
    "RUNNING": ImportState.RUNNING,
    "PAUSED": ImportState.RUNNING,
    "CANCELLING": ImportState.RUNNING,
    "COMPLETED": ImportState.COMPLETED,
    "FAILED": ImportState.FAILED,
    "CRASHED": ImportState.FAILED,
    "CANCELLED": ImportState.CANCELLED,
}


class States(NamedTuple):
    """Which states of Prefect are meant."""

    types: list[str]
    named: list[str] | None
    """One of these names; None is any."""
    not_named: list[str] | None


def import_state(state_type: str, name: str | None) -> ImportState:
    """Say what a state of Prefect means."""
    return _BY_NAME.get(name or "", _BY_TYPE[state_type])


def prefect_states(state: ImportState) -> States:
    """Say which states of Prefect mean this."""
    if state is ImportState.WAITING_TO_RETRY:
        return States(["SCHEDULED"], [AWAITING_RETRY], None)
    if state is ImportState.PARTLY_FAILED:
        return States(["FAILED"], [PARTLY_FAILED], None)
    return States([each for each, means in _BY_TYPE.items() if means is state], None, list(_BY_NAME))
