"""What is counted from the states of a run: its long retries, its lost processes, and whether a person asked again."""

import pytest

from flows.history import (
    State,
    asked_by_person,
    cancelled_at_the_start,
    crashes_since_person,
    retries_since_person,
    times_asked,
)

LETTERS: dict[str, State] = {
    "s": ("SCHEDULED", "Scheduled"),
    "h": ("SCHEDULED", "Held"),
    "a": ("SCHEDULED", "AwaitingRetry"),
    "o": ("SCHEDULED", "PutOff"),
    "v": ("SCHEDULED", "Revived"),
    "p": ("PENDING", "Pending"),
    "r": ("RUNNING", "Running"),
    "x": ("CRASHED", "Crashed"),
    "c": ("COMPLETED", "Completed"),
    "f": ("FAILED", "Failed"),
    "l": ("FAILED", "LoginNeeded"),
    "g": ("CANCELLING", "Cancelling"),
    "k": ("CANCELLED", "Cancelled"),
}


def states(letters: str) -> list[State]:
    return [LETTERS[each] for each in letters]


@pytest.mark.parametrize(
    ("letters", "retries", "crashes", "asked"),
    [
        pytest.param("", 0, 0, False, id="nothing known"),
        pytest.param("s", 0, 0, False, id="new"),
        pytest.param("hspr", 0, 0, False, id="held, released, running"),
        pytest.param("spra", 1, 0, False, id="waits for its first retry"),
        pytest.param("sprapraprap", 3, 0, False, id="after its third retry"),
        pytest.param("sproprap", 1, 0, False, id="putting it off is no retry"),
        pytest.param("sprx", 0, 1, False, id="lost while it ran"),
        pytest.param("spxvpxvpx", 0, 3, False, id="lost three times before it ran"),
        pytest.param("sprxx", 0, 1, False, id="noticed by two"),
        pytest.param("spraprxvpr", 1, 1, False, id="retry, then lost, then revived"),
        pytest.param("sprxvprxvprf" + "a", 0, 0, True, id="the UI's retry button is a person's"),
        pytest.param("sprfspra", 1, 0, False, id="a retry of its own after a person's"),
        pytest.param("spraprfspr", 0, 0, True, id="a person's retry starts the count again"),
        pytest.param("sprxs", 0, 0, True, id="a person was faster than housekeeping"),
        pytest.param("sprkspr", 0, 0, True, id="retried after a cancel"),
        pytest.param("sprlhs", 0, 0, True, id="retried, held, released"),
        pytest.param("sprfspxvpr", 0, 1, True, id="what the person asked for was lost before it ran"),
        pytest.param("sprfsprxvpr", 0, 1, True, id="what the person asked for was lost while it ran"),
        pytest.param("sprfsprop", 0, 0, False, id="what the person asked for was put off after a while"),
        pytest.param("sprfsprg", 0, 0, True, id="being cancelled"),
    ],
)
def test_a_runs_history_is_counted_from_its_states(letters: str, retries: int, crashes: int, asked: bool) -> None:
    history = states(letters)

    assert retries_since_person(history) == retries
    assert crashes_since_person(history) == crashes
    assert asked_by_person(history) is asked


@pytest.mark.parametrize(
    ("letters", "cancelled"),
    [
        pytest.param("", False, id="nothing known"),
        pytest.param("spr", False, id="running"),
        pytest.param("spkr", True, id="cancelled while its process was started"),
        pytest.param("spkrg", True, id="and once more since then"),
        pytest.param("sprkspr", False, id="retried after a cancel"),
        pytest.param("spk", False, id="cancelled, and never began"),
    ],
)
def test_a_run_that_was_cancelled_while_its_process_started_is_known_by_its_states(letters, cancelled) -> None:
    assert cancelled_at_the_start(states(letters)) is cancelled


@pytest.mark.parametrize(
    ("letters", "times"),
    [
        pytest.param("", 0, id="nothing known"),
        pytest.param("spraprxvprc", 0, id="it went on by itself"),
        pytest.param("sprfapr", 1, id="retried once"),
        pytest.param("sprfaprkspr", 2, id="retried after a failure and after a cancel"),
    ],
)
def test_the_retries_of_persons_are_counted(letters: str, times: int) -> None:
    assert times_asked(states(letters)) == times
