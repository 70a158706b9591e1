"""How far an import is, in numbers and in words."""

from datetime import UTC, datetime

import pytest

from flows.core.control import Stage
from flows.core.errors import SourceMissing, TargetNotFound
from flows.core.requests import Failure, Fileset, ImportedImage, SourceFile
from flows.core.status import FilesetStatus, ImportReport, overall, progress_bar, progress_line, web_link

IMAGE = ImportedImage(id=1, name="a", size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)
GONE = Failure.of(SourceMissing(which="/data/gone.tif"))


def status(stage: Stage, *, done: int = 0, total: int = 1000, failure: Failure | None = None) -> FilesetStatus:
    return FilesetStatus(
        key="k", name="a.tif", files=("/a.tif",), stage=stage, bytes_done=done, bytes_total=total, failure=failure
    )


def report(*filesets: FilesetStatus, failure: Failure | None = None) -> ImportReport:
    return ImportReport(
        run_id="1",
        run_name="alice: a.tif",
        run_url="http://prefect.example/1",
        server="main",
        user="alice",
        target="Dataset:id:5",
        started=datetime(2026, 11, 23, tzinfo=UTC),
        filesets=filesets,
        failure=failure,
    )


def test_a_fileset_begins_waiting_under_its_own_name() -> None:
    file = SourceFile(path="/mnt/a.tif", client_path="/data/a.tif", size=7, mtime_ns=1)

    begun = FilesetStatus.waiting(Fileset(files=(file,)))

    assert (begun.name, begun.files, begun.stage, begun.bytes_total) == ("a.tif", ("/data/a.tif",), Stage.WAITING, 7)


def test_of_very_many_files_the_first_are_told() -> None:
    files = tuple(SourceFile(path=f"/{n}", client_path=f"/{n}", size=1, mtime_ns=1) for n in range(1000))

    begun = FilesetStatus.waiting(Fileset(files=files))

    assert begun.files == tuple(f"/{n}" for n in range(100))
    assert begun.bytes_total == 1000


def test_a_refused_source_is_shown_as_a_failed_fileset() -> None:
    refused = FilesetStatus.refused(GONE)

    assert (refused.name, refused.files, refused.stage) == ("gone.tif", ("/data/gone.tif",), Stage.FAILED)
    assert refused.failure == GONE


def test_a_report_tells_apart_what_went_in_and_what_did_not() -> None:
    done = status(Stage.DONE).model_copy(update={"images": (IMAGE, IMAGE)})
    stopped = Failure.of(TargetNotFound())

    summary = report(done, status(Stage.FAILED, failure=GONE), status(Stage.WAITING), failure=stopped)

    assert summary.imported == (done,)
    assert summary.failures == (stopped, GONE)
    assert summary.image_count == 2
    assert summary.counts == {"done": 1, "failed": 1, "waiting": 1}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(status(Stage.WAITING), status(Stage.TRANSFER, done=500), id="begun"),
        pytest.param(status(Stage.TRANSFER, done=500), status(Stage.TRANSFER, done=1000), id="copied"),
        pytest.param(status(Stage.UPLOAD), status(Stage.UPLOAD, done=1000), id="uploaded"),
        pytest.param(status(Stage.UPLOAD, done=999), status(Stage.IMPORT), id="read by OMERO"),
        pytest.param(status(Stage.IMPORT), status(Stage.DONE), id="done"),
        pytest.param(status(Stage.IMPORT), status(Stage.FAILED), id="failed is over as well"),
    ],
)
def test_progress_grows_from_stage_to_stage(earlier: FilesetStatus, later: FilesetStatus) -> None:
    assert overall([earlier]) < overall([later])


@pytest.mark.parametrize("stage", list(Stage))
def test_progress_never_exceeds_the_whole(stage: Stage) -> None:
    done, total = overall([status(stage, done=5000, total=1000), status(Stage.DONE, total=0)])

    assert 0 < done <= total == 1001


def test_progress_is_told_in_one_line() -> None:
    stages = [Stage.DONE, Stage.DONE, Stage.FAILED, Stage.UPLOAD, Stage.VERIFY, Stage.WAITING]

    assert progress_line([status(stage) for stage in stages]) == (
        "2 of 6 files in OMERO, 1 failed; now: verify 1, upload 1"
    )


def test_one_file_is_one_file() -> None:
    assert progress_line([status(Stage.DONE)]) == "1 of 1 file in OMERO"


@pytest.mark.parametrize(
    ("share", "bar"),
    [(0.0, "░░░░░░░░░░"), (0.37, "███░░░░░░░"), (0.999, "█████████░"), (1.0, "██████████")],
    ids=["nothing", "a part", "not quite all", "all"],
)
def test_the_bar_is_full_only_at_the_end(share: float, bar: str) -> None:
    assert progress_bar(share) == bar


@pytest.mark.parametrize(
    ("web", "link"),
    [
        ("https://omero.example", "https://omero.example/webclient/?show=dataset-5"),
        ("https://omero.example/omero/", "https://omero.example/omero/webclient/?show=dataset-5"),
        (None, None),
    ],
)
def test_links_lead_into_omero_web_where_there_is_one(web: str | None, link: str | None) -> None:
    assert web_link(web, "Dataset", 5) == link
