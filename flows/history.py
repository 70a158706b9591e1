"""What a run went through, counted from its states: pure, oldest first, each as (type, name)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from flows.core.names import AWAITING_RETRY, REVIVED

State = tuple[str, str | None]
"""The type and the name of a state of Prefect."""

OVER = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})


def retries_since_person(states: Iterable[State]) -> int:
    """Count the long retries that the run gave itself since it was asked for, or a person last retried it."""
    return sum(each == ("SCHEDULED", AWAITING_RETRY) for each in _since_person(states)[1:])


def crashes_since_person(states: Iterable[State]) -> int:
    """Count how often the run's process was lost since it was asked for, or a person last retried it.

    Prefect's own count of attempts leaves out those that were lost before they began.
    """
    since = _since_person(states)
    return sum(now == "CRASHED" and before != "CRASHED" for (before, _), (now, _) in pairwise(since))


def asked_by_person(states: Iterable[State]) -> bool:
    """Say whether it was a person, by a retry, who made the run go on, and no attempt came to its end since then.

    Neither does a revival answer a person's wish: what the lost process did may be unknown.
    """
    steps = list(states)
    if (asked := last_asked(steps)) == 0:
        return False
    newest = max(number for number, (state, _) in enumerate(steps) if state == "SCHEDULED")
    between = [state for state, _ in steps[asked : newest + 1]]
    return ("RUNNING", "SCHEDULED") not in pairwise(between)


def cancelled_at_the_start(states: Iterable[State]) -> bool:
    """Say whether it was cancelled while its process was being started, which Prefect then lets run all the same."""
    types = [state for state, _ in states]
    begun = len(types) - 1 - types[::-1].index("RUNNING") if "RUNNING" in types else 0
    return begun > 0 and types[begun - 1] == "CANCELLED"


def times_asked(states: Iterable[State]) -> int:
    """Count how often a person retried the run."""
    return sum(1 for _ in _retries(list(states)))


def last_asked(states: Iterable[State]) -> int:
    """Return the place of the state with which a person last started the run, by a retry or to begin with."""
    return next(_retries(list(states)), 0)


def _since_person(states: Iterable[State]) -> Sequence[State]:
    steps = list(states)
    return steps[last_asked(steps) :]


def _retries(steps: Sequence[State]) -> Iterator[int]:
    """Give the places of the states with which a person retried the run, the latest first."""
    return (
        number
        for number in range(len(steps) - 1, 0, -1)
        if steps[number][0] == "SCHEDULED"
        and steps[number - 1][0] in OVER
        and not (steps[number - 1][0] == "CRASHED" and steps[number][1] == REVIVED)
    )
