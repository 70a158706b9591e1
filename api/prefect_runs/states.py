"""Prefect's states in the words of the interface, and back; plain data, Prefect itself is not needed."""

from collections.abc import Collection
from typing import NamedTuple

from api.runs import ImportState
from flows.core.names import AWAITING_RETRY, LOGIN_NEEDED, PARTLY_FAILED, REVIVED

LOST = "Its process was lost; it starts again."
"""A crash is no end: housekeeping lets the run begin again, and makes it fail once that was in vain too often."""

_BY_NAME = {
    AWAITING_RETRY: ImportState.WAITING_TO_RETRY,
    REVIVED: ImportState.WAITING_TO_RETRY,
    PARTLY_FAILED: ImportState.PARTLY_FAILED,
    LOGIN_NEEDED: ImportState.LOGIN_NEEDED,
}
_BY_TYPE = {
    "SCHEDULED": ImportState.SCHEDULED,
    "PENDING": ImportState.SCHEDULED,
    "RUNNING": ImportState.RUNNING,
    "PAUSED": ImportState.RUNNING,
    "CANCELLING": ImportState.RUNNING,
    "COMPLETED": ImportState.COMPLETED,
    "FAILED": ImportState.FAILED,
    "CRASHED": ImportState.WAITING_TO_RETRY,
    "CANCELLED": ImportState.CANCELLED,
}
_TYPE_OF = {AWAITING_RETRY: "SCHEDULED", REVIVED: "SCHEDULED", PARTLY_FAILED: "FAILED", LOGIN_NEEDED: "FAILED"}


class States(NamedTuple):
    """Which states of Prefect are meant."""

    types: list[str]
    named: list[str] | None
    """One of these names; None is any."""
    not_named: list[str] | None


def import_state(state_type: str, name: str | None) -> ImportState:
    """Say what a state of Prefect means."""
    return _BY_NAME.get(name or "", _BY_TYPE[state_type])


def prefect_states(wanted: Collection[ImportState]) -> list[States]:
    """Say which states of Prefect mean one of these; each of the answers, two at most, is to be asked for."""
    types = [each for each, means in _BY_TYPE.items() if means in wanted]
    named = [name for name, means in _BY_NAME.items() if means in wanted and _TYPE_OF[name] not in types]
    others = [name for name, means in _BY_NAME.items() if means not in wanted]
    by_type = [States(types, None, others)] if types else []
    return by_type + ([States(sorted({_TYPE_OF[name] for name in named}), named, None)] if named else [])
