"""When an import that could not end well is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.core.errors import (
    AccountRefused,
    CourierError,
    ImportRefused,
    OmeroBusy,
    OmeroUnavailable,
    RunPutOff,
    SourceAway,
    SourceBroken,
)
from flows.core.ledger import Ledger
from flows.core.requests import Failure, Fileset, SourceFile
from flows.core.settings import Retries
from flows.further_tries import FurtherTry, further_try

RETRIES = Retries(minutes=(10, 120), jitter=0)
FILE = SourceFile(path="/data/a.tif", client_path="/data/a.tif", size=1, mtime_ns=1)
FILESET = Fileset(files=(FILE,))


def ledger(failure: CourierError | None = None, *, attempted: bool = True) -> Ledger:
    made = Ledger()
    made.open((FILESET,), ())
    if attempted:
        made.started(FILESET.key)
    if failure is not None:
        made.failed(FILESET, failure)
    return made


def answers() -> bool:
    return False


def is_held() -> bool:
    return True


def minutes_until(later: FurtherTry | None) -> int | None:
    return None if later is None else round((later.when - datetime.now(UTC)) / timedelta(minutes=1))


@pytest.mark.parametrize(
    ("error", "tries", "minutes"),
    [
        pytest.param(OmeroBusy(), 0, 10, id="it may pass, first"),
        pytest.param(OmeroBusy(), 1, 120, id="it may pass, second"),
        pytest.param(OmeroBusy(), 2, None, id="it may pass, but no try is left"),
        pytest.param(SourceBroken(), 0, None, id="it does not pass"),
        pytest.param(ImportRefused(), 0, None, id="omero said no"),
        pytest.param(OmeroUnavailable(), 0, 10, id="omero answers to others"),
    ],
)
def test_only_what_may_pass_is_tried_again_along_the_intervals(
    error: CourierError, tries: int, minutes: int | None
) -> None:
    assert minutes_until(further_try(ledger(error), None, tries, RETRIES, answers)) == minutes


def test_what_stopped_the_whole_import_decides() -> None:
    for error, minutes in ((SourceAway(), 10), (ImportRefused(), None)):
        assert minutes_until(further_try(ledger(), Failure.of(error), 0, RETRIES, answers)) == minutes


@pytest.mark.parametrize(
    ("attempted", "tries", "state"),
    [(False, 0, "PutOff"), (False, 2, "PutOff"), (True, 0, "AwaitingRetry"), (True, 2, None)],
    ids=["did nothing", "did nothing, no try left", "may have felled it", "may have felled it, no try left"],
)
def test_an_import_into_an_omero_that_is_away_waits_in_line(attempted: bool, tries: int, state: str | None) -> None:
    later = further_try(ledger(OmeroUnavailable(), attempted=attempted), None, tries, RETRIES, is_held)

    assert (later.state_name if later else None) == state
    assert later is None or minutes_until(later) == 0


def test_an_import_waits_in_line_where_omero_refuses_the_couriers_own_account() -> None:
    later = further_try(ledger(attempted=False), Failure.of(AccountRefused()), 0, RETRIES, is_held)

    assert later is not None
    assert (later.state_name, later.message) == ("PutOff", AccountRefused().what)


def test_a_run_that_gives_its_place_back_goes_on_at_once_without_counting_a_try() -> None:
    halted = ledger()
    halted.stop(RunPutOff("The worker stops."))

    later = further_try(halted, None, 2, RETRIES, answers)

    assert later is not None
    assert (later.state_name, later.message, minutes_until(later)) == ("PutOff", "The worker stops.", 0)


def test_a_run_that_was_to_stop_when_all_was_done_has_ended() -> None:
    done = ledger(SourceBroken())
    done.begin_no_more(RunPutOff())

    assert further_try(done, None, 0, RETRIES, answers) is None
