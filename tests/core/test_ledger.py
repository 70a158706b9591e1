from collections.abc import Callable

import pytest

from flows.core.control import Stage
from flows.core.errors import (
    AttemptSuperseded,
    ImportCancelled,
    OmeroBusy,
    RunPutOff,
    SourceBroken,
    UnexpectedFault,
)
from flows.core.ledger import Ledger
from flows.core.requests import Failure, Fileset, ImportedFileset, ImportedImage, SourceFile
from flows.core.status import FilesetStatus, overall, progress_line


def fileset(name: str, size: int = 100) -> Fileset:
    path = f"/data/alice/{name}"
    return Fileset(files=(SourceFile(path=path, client_path=path, size=size, mtime_ns=0),))


def imported(which: Fileset) -> ImportedFileset:
    image = ImportedImage(id=7, name=which.name, size_x=4, size_y=3, size_z=1, size_c=2, size_t=1)
    return ImportedFileset(key=which.key, name=which.name, fileset_id=5, images=(image,))


def opened(*filesets: Fileset) -> Ledger:
    ledger = Ledger()
    ledger.open(filesets, ())
    return ledger


def test_a_fileset_in_omero_is_done_and_forgets_an_earlier_failure() -> None:
    cells = fileset("cells.tif")
    ledger = opened(cells)
    ledger.failed(cells, UnexpectedFault("network"))

    ledger.imported(imported(cells))

    status = ledger.status(cells.key)
    assert (status.stage, status.failure, status.fileset_id, status.images[0].id) == (Stage.DONE, None, 5, 7)


def test_a_failure_names_the_file_it_speaks_of() -> None:
    cells = fileset("cells.tif")
    ledger = opened(cells)

    ledger.failed(cells, SourceBroken())

    failure = ledger.status(cells.key).failure
    assert failure is not None
    assert failure.which == "/data/alice/cells.tif"


def test_what_could_not_become_a_fileset_is_listed_as_failed() -> None:
    ledger = Ledger()

    ledger.open(
        (), [Failure(code="source-missing", what="Gone.", which="/data/a.tif", advice="Look.", transient=False)]
    )

    assert [(each.name, each.stage) for each in ledger.statuses()] == [("a.tif", Stage.FAILED)]


def test_settling_gives_everything_an_outcome_but_leaves_what_is_over() -> None:
    done, lost = fileset("done.tif"), fileset("lost.tif")
    ledger = opened(done, lost)
    ledger.imported(imported(done))

    ledger.settle(UnexpectedFault())

    assert [each.stage for each in ledger.statuses()] == [Stage.DONE, Stage.FAILED]


def test_nothing_ends_cancelled_unless_the_run_was() -> None:
    for cancelled, expected in ((False, Stage.FAILED), (True, Stage.CANCELLED)):
        cells = fileset("cells.tif")
        ledger = opened(cells)
        ledger.failed(cells, ImportCancelled())
        if cancelled:
            ledger.cancel()

        ledger.settle(UnexpectedFault())

        assert ledger.status(cells.key).stage is expected


def test_what_may_still_succeed_waits_with_its_reason_and_fails_for_it_in_the_end() -> None:
    cells = fileset("cells.tif")
    ledger = opened(cells)

    ledger.failed(cells, OmeroBusy("Come back later."))
    assert (ledger.status(cells.key).stage, ledger.stragglers()) == (Stage.WAITING, (cells.key,))
    ledger.settle(UnexpectedFault())

    status = ledger.status(cells.key)
    assert status.failure is not None
    assert (status.stage, status.failure.what) == (Stage.FAILED, "Come back later.")


def test_after_a_cancel_every_check_raises_and_the_rest_is_cancelled() -> None:
    ledger = opened(fileset("cells.tif"))
    ledger.check()
    ledger.cancel()

    with pytest.raises(ImportCancelled):
        ledger.check()
    ledger.settle(UnexpectedFault())

    assert [each.stage for each in ledger.statuses()] == [Stage.CANCELLED]


def test_progress_never_goes_back_from_stage_to_stage() -> None:
    cells = fileset("cells.tif")
    ledger = opened(cells)
    shares = []
    for stage, done in [
        (Stage.VERIFY, 0),
        (Stage.TRANSFER, 50),
        (Stage.TRANSFER, 100),
        (Stage.UPLOAD, 0),
        (Stage.UPLOAD, 100),
        (Stage.IMPORT, 100),
    ]:
        ledger.moved(cells.key, stage, done, 100)
        shares.append(overall(ledger.statuses())[0])
    ledger.imported(imported(cells))

    assert shares == sorted(shares)
    assert overall(ledger.statuses()) == (100, 100)


def test_the_progress_line_counts_what_is_where() -> None:
    done, broken, running = fileset("a.tif"), fileset("b.tif"), fileset("c.tif")
    ledger = opened(done, broken, running)
    ledger.imported(imported(done))
    ledger.failed(broken, SourceBroken())
    ledger.moved(running.key, Stage.UPLOAD, 5, 100)

    assert progress_line(ledger.statuses()) == "1 of 3 files in OMERO, 1 failed; now: upload 1"


def test_each_change_shows_in_the_revision() -> None:
    cells = fileset("cells.tif")
    ledger = opened(cells)
    before = ledger.revision

    ledger.moved(cells.key, Stage.UPLOAD, 1, 100)

    assert ledger.revision > before


def restored(*statuses: FilesetStatus, failed_too: bool = False) -> Ledger:
    ledger = Ledger()
    ledger.restore(statuses, failed_too=failed_too)
    return ledger


def as_left(name: str, stage: Stage, failure: Failure | None = None) -> FilesetStatus:
    return FilesetStatus.waiting(fileset(name)).model_copy(update={"stage": stage, "failure": failure, "attempts": 1})


BROKEN = Failure(code="source-broken", what="Broken.", which="/data/alice/b.tif", advice="Look.", transient=False)
AWAY = Failure(code="source-away", what="Away.", which="/data/alice", advice="Wait.", transient=True)


@pytest.mark.parametrize(("failed_too", "again"), [(False, ["c.tif"]), (True, ["b.tif", "c.tif"])])
def test_a_further_attempt_takes_up_what_is_not_over(failed_too: bool, again: list[str]) -> None:
    left = [as_left("a.tif", Stage.DONE), as_left("b.tif", Stage.FAILED, BROKEN), as_left("c.tif", Stage.UPLOAD)]
    ledger = restored(*left, failed_too=failed_too)

    to_do = ledger.open([fileset(name) for name in ("a.tif", "b.tif", "c.tif")], ())

    assert [each.name for each in to_do] == again
    assert ledger.status(fileset("c.tif").key).attempts == 1


def test_files_that_came_since_the_first_attempt_are_none_of_the_imports() -> None:
    ledger = restored(as_left("a.tif", Stage.WAITING))

    to_do = ledger.open([fileset("a.tif"), fileset("later.tif")], ())

    assert [each.name for each in to_do] == ["a.tif"]


def test_what_was_only_found_in_omero_is_not_all_that_the_import_is_about() -> None:
    found = as_left("a.tif", Stage.DONE).model_copy(update={"files": (), "bytes_total": 0})
    ledger = restored(found, failed_too=True)
    assert not ledger.is_whole

    to_do = ledger.open([fileset("a.tif"), fileset("b.tif")], ())

    assert [each.name for each in to_do] == ["b.tif"]
    assert ledger.is_whole
    assert ledger.status(fileset("a.tif").key).files == ("/data/alice/a.tif",)


def test_a_share_that_was_away_waits_and_its_files_are_taken_up_when_it_is_back() -> None:
    ledger = Ledger()
    assert ledger.open((), [AWAY]) == ()
    assert [each.stage for each in ledger.unfinished()] == [Stage.WAITING]

    again = restored(*ledger.statuses())
    to_do = again.open([fileset("a.tif")], ())

    assert [each.name for each in to_do] == ["a.tif"]
    assert [each.name for each in again.statuses()] == ["a.tif"]


@pytest.mark.parametrize(
    ("refusal", "stage"), [(AWAY, Stage.WAITING), (AWAY.model_copy(update={"transient": False}), Stage.FAILED)]
)
def test_what_an_earlier_attempt_found_on_a_share_that_is_away_now_waits_for_it(refusal: Failure, stage: Stage) -> None:
    ledger = restored(
        as_left("a.tif", Stage.DONE), as_left("b.tif", Stage.FAILED, BROKEN), as_left("c.tif", Stage.UPLOAD)
    )

    assert ledger.open((), [refusal]) == ()

    assert {each.name: (each.stage, each.failure) for each in ledger.statuses()} == {
        "a.tif": (Stage.DONE, None),
        "b.tif": (Stage.FAILED, BROKEN),
        "c.tif": (stage, refusal),
    }


class Closing:
    """A machine that is to be left alone."""

    def check(self) -> None:
        raise RunPutOff("The worker stops.")

    def pace(self, count: int) -> None:
        self.check()

    def between_filesets(self) -> None: ...


@pytest.mark.parametrize("ask", [Ledger.check, lambda ledger: ledger.pace(1)], ids=["check", "pace"])
def test_a_machine_that_wants_to_be_left_alone_stops_the_run_and_loses_nothing(ask: Callable[[Ledger], None]) -> None:
    cells = fileset("cells.tif")
    ledger = Ledger()
    ledger.obey(Closing())
    ledger.open((cells,), ())

    with pytest.raises(RunPutOff, match="The worker stops"):
        ask(ledger)
    ledger.failed(cells, RunPutOff("The worker stops."))

    assert (ledger.status(cells.key).stage, ledger.status(cells.key).failure) == (Stage.WAITING, None)
    assert isinstance(ledger.stopped_by, RunPutOff)


def test_another_attempt_counts_more_than_a_cancel_and_a_cancel_more_than_a_pause() -> None:
    ledger = Ledger()

    for reason in (RunPutOff(), ImportCancelled(), RunPutOff(), AttemptSuperseded(), ImportCancelled()):
        ledger.stop(reason)

    assert isinstance(ledger.stopped_by, AttemptSuperseded)
