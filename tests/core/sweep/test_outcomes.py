"""What became of filesets that a sweep handed over."""

import pytest

from flows.core.control import Stage
from flows.core.errors import CourierError, LoginRefused, SourceBroken, SourceChanged, SourceUnsettled
from flows.core.requests import Failure, Fileset, SourceFile
from flows.core.status import FilesetStatus
from flows.core.sweep.memory import Remembered
from flows.core.sweep.outcomes import RunSeen, became
from flows.core.sweep.verdicts import Verdict

FILESET = Fileset(files=(SourceFile(path="/d/1.tif", client_path="/d/1.tif", size=10, mtime_ns=1),))
HANDED = Remembered(
    fileset=FILESET, verdict=Verdict.SUBMITTED, code="submitted", reason="The import r has it.", run_id="r", since=1.0
)
FAILED = HANDED.model_copy(update={"verdict": Verdict.FAILED, "code": "source-broken", "reason": "Broken."})


def over(stage: Stage, failure: CourierError | None = None, *, duplicate: bool = False) -> RunSeen:
    status = FilesetStatus.waiting(FILESET).model_copy(
        update={
            "stage": stage,
            "failure": Failure.of(failure) if failure else None,
            "fileset_id": 7 if stage is Stage.DONE else None,
            "duplicate": duplicate,
        }
    )
    return RunSeen(run_id="r", over=True, message="It ended.", filesets={FILESET.key: status})


def test_what_an_import_still_has_stays_handed_over() -> None:
    assert became(HANDED, RunSeen(run_id="r", over=False), 5.0) is HANDED


@pytest.mark.parametrize(
    ("duplicate", "said"),
    [
        (False, "It is in OMERO, through the import r."),
        (True, "It was in OMERO already, with the same content."),
    ],
    ids=["new", "duplicate"],
)
def test_what_is_in_omero_is_imported_and_says_how(duplicate: bool, said: str) -> None:
    after = became(HANDED, over(Stage.DONE, duplicate=duplicate), 5.0)

    assert after is not None
    assert (after.verdict, after.reason, after.since) == (Verdict.IMPORTED, said, 5.0)
    assert after.fileset_id == 7


@pytest.mark.parametrize(
    ("failure", "verdict", "code"),
    [
        (SourceBroken("Truncated."), Verdict.FAILED, "source-broken"),
        (LoginRefused("There is no user bob."), Verdict.QUARANTINED, "unknown-user"),
    ],
    ids=["broken", "unknown user"],
)
def test_what_failed_keeps_the_reason(failure: CourierError, verdict: Verdict, code: str) -> None:
    after = became(HANDED, over(Stage.FAILED, failure), 5.0)

    assert after is not None
    assert (after.verdict, after.code) == (verdict, code)
    assert after.reason == f"{failure.what} {failure.advice}"


@pytest.mark.parametrize("failure", [SourceUnsettled(), SourceChanged()], ids=["unsettled", "changed"])
def test_what_came_too_early_is_looked_at_anew(failure: CourierError) -> None:
    assert became(HANDED, over(Stage.FAILED, failure), 5.0) is None


def test_of_an_import_that_came_to_nothing_the_state_says_why() -> None:
    after = became(HANDED, RunSeen(run_id="r", over=True, message="Nothing was imported."), 5.0)

    assert after is not None
    assert (after.verdict, after.reason) == (Verdict.FAILED, "Nothing was imported.")


def test_what_a_person_cancelled_is_not_handed_over_again() -> None:
    after = became(HANDED, over(Stage.CANCELLED), 5.0)

    assert after is not None
    assert (after.verdict, after.code) == (Verdict.FAILED, "cancelled")


def test_a_failure_stays_as_long_as_its_import_is_what_it_was() -> None:
    assert became(FAILED, RunSeen(run_id="r", over=True, news=False), 5.0) is FAILED


def test_a_failed_import_that_a_person_retries_has_its_files_again() -> None:
    after = became(FAILED, RunSeen(run_id="r", over=False), 5.0)

    assert after is not None
    assert after.verdict is Verdict.SUBMITTED


@pytest.mark.parametrize(("item", "after"), [(HANDED, None), (FAILED, FAILED)], ids=["under way", "failed"])
def test_of_an_import_that_was_deleted_only_a_failure_stays(item: Remembered, after: Remembered | None) -> None:
    assert became(item, None, 5.0) == after
