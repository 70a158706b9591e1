"""The status log: a block when an import is queued, and two for each attempt; nothing of other files, and no key."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.runs import ImportState, Run, Step
from api.smuggler.logs import Told, status_log
from api.smuggler.outcomes import dealt_tag, failed_sources
from flows.core.control import Stage
from flows.core.requests import Failure, ImportedImage
from flows.core.status import FilesetStatus

BEGIN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
S, R, W, DONE, PARTLY, F, C = (
    ImportState.SCHEDULED,
    ImportState.RUNNING,
    ImportState.WAITING_TO_RETRY,
    ImportState.COMPLETED,
    ImportState.PARTLY_FAILED,
    ImportState.FAILED,
    ImportState.CANCELLED,
)
TOLD = Told(import_id="the-id", omero="omero.example:4064", web_url="https://web.example", number=0)
AWAY = Failure(code="omero-away", what="OMERO does not answer.", advice="Wait.", transient=True)


def steps(*states: ImportState, **messages: str) -> list[Step]:
    return [
        Step(
            when=BEGIN + timedelta(minutes=number),
            state=state,
            message=messages.get(state.value, ""),
            next_start=BEGIN + timedelta(hours=1) if state is W else None,
        )
        for number, state in enumerate(states)
    ]


def run_in(state: ImportState, *sources: str, **more: Any) -> Run:
    request = {"sources": list(sources) or ["/data/cells.tif"], "notify": ["alice@lab.example"]}
    values = {"server": "main", "user": "alice", "name": "n", "created": BEGIN, "due": BEGIN, "key": "k"}
    return Run(id=UUID(int=1), state=state, fingerprint="", request=request, **{**values, **more})


def status(path: str, stage: Stage = Stage.DONE, **more: Any) -> FilesetStatus:
    name = path.rpartition("/")[2]
    image = ImportedImage(id=101, name=name, size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)
    images = (image,) if stage is Stage.DONE else ()
    return FilesetStatus(name=name, stage=stage, bytes_total=1, files=(path,), key=path, images=images, **more)


def titles(log: str) -> list[str]:
    return [line.partition("> ")[2].removesuffix(" OMERO Import:") for line in log.splitlines() if "===>" in line]


@pytest.mark.parametrize(
    ("states", "blocks"),
    [
        ((S,), "Queued"),
        ((S, S, R), "Queued Starting"),
        ((S, R, R, DONE), "Queued Starting Report"),
        ((S, R, W, R, W, R, F), "Queued Starting Report Starting Report Starting Report"),
        ((S, R, S, R, DONE), "Queued Starting Report Starting Report"),
        ((S, C), "Queued Report"),
        ((S, R, W, C), "Queued Starting Report Report"),
        ((S, R, F, W, R, DONE), "Queued Starting Report Queued Starting Report"),
        ((), ""),
    ],
    ids=[
        "it waits",
        "it runs",
        "it was done at once",
        "it was tried until it was given up",
        "it gave its place back",
        "it was cancelled while it waited",
        "it was cancelled between two tries",
        "a person had it tried again",
        "nothing is known",
    ],
)
def test_there_is_a_block_when_it_is_queued_and_two_for_each_attempt(
    states: tuple[ImportState, ...], blocks: str
) -> None:
    log = status_log(run_in(states[-1] if states else S), steps(*states), (), TOLD)

    assert [each.replace("OMERO Import Run Report:", "Report") for each in titles(log)] == blocks.split()


def test_what_is_queued_is_told_with_what_a_client_knows_it_by() -> None:
    log = status_log(run_in(S), steps(S), (), TOLD)

    assert log.splitlines()[1:-1] == [
        "Timestamp: 2026-11-23 10:00:00+00:00",
        "Import ID: the-id",
        "Import Target: /data/cells.tif",
        "OMERO Server: omero.example:4064",
        "Experimenter's Email: alice@lab.example",
        "Courier's Import: 00000000-0000-0000-0000-000000000001",
    ]


def report(log: str) -> list[str]:
    return log.rpartition("Run Report:\n")[2].splitlines()[1:-1]


def test_what_is_in_omero_is_told_with_its_links() -> None:
    log = status_log(run_in(DONE), steps(S, R, DONE), (status("/data/cells.tif", duplicate=True),), TOLD)

    where = "https://web.example/webclient/?show=image-101"
    assert report(log) == [
        "Succeeded: true",
        f"Imported cells.tif: image 101 cells.tif, which was there already {where}",
    ]


def test_what_failed_is_told_with_its_cause() -> None:
    failed = status("/data/cells.tif", Stage.FAILED, failure=AWAY)
    log = status_log(run_in(F), steps(S, R, F, failed="None is in OMERO"), (failed,), TOLD)

    assert report(log) == [
        "Succeeded: false",
        "Cause of Failure: None is in OMERO",
        "Failed cells.tif: OMERO does not answer. Wait.",
    ]


def test_an_attempt_that_was_not_the_last_says_when_the_next_one_is() -> None:
    log = status_log(run_in(W), steps(S, R, W, waiting_to_retry="OMERO is away."), (), TOLD)

    assert report(log) == [
        "Succeeded: false",
        "Cause of Failure: OMERO is away.",
        "Next Attempt: 2026-11-23 11:00:00+00:00",
    ]


def test_each_source_of_a_run_has_an_outcome_of_its_own() -> None:
    run = run_in(PARTLY, "/data/good", "/data/bad.tif")
    found = (status("/data/good/1.tif"), status("/data/bad.tif", Stage.FAILED, failure=AWAY))
    logs = [status_log(run, steps(S, R, PARTLY), found, Told("id", "omero", None, number)) for number in range(2)]

    assert [report(log)[0] for log in logs] == ["Succeeded: true", "Succeeded: false"]
    assert ["bad" in logs[0], "good" in logs[1]] == [False, False]


def test_a_file_name_cannot_forge_a_line() -> None:
    run = run_in(S, "/data/x\nSucceeded: true\u2028Succeeded: true")

    assert [line for line in status_log(run, steps(S), (), TOLD).splitlines() if line.startswith("Succeeded")] == []


@pytest.mark.parametrize(
    ("state", "found", "failed"),
    [
        (F, (), [0, 1]),
        (PARTLY, (status("/a"), status("/b", Stage.FAILED)), [1]),
        (ImportState.LOGIN_NEEDED, (status("/a"), status("/b", Stage.WAITING)), [1]),
        (DONE, (status("/a"),), []),
        (W, (status("/a", Stage.FAILED),), []),
        (C, (), []),
    ],
    ids=["all of it", "one of two", "its session had ended", "none", "it is tried again", "it was cancelled"],
)
def test_what_failed_is_known_for_each_source(
    state: ImportState, found: tuple[FilesetStatus, ...], failed: list[int]
) -> None:
    assert failed_sources(run_in(state, "/a", "/b"), found) == failed


def test_what_somebody_dealt_with_counts_no_more_until_it_is_tried_again() -> None:
    run = run_in(F, "/a", "/b", attempts=1)
    dealt = run.model_copy(update={"tags": frozenset({dealt_tag(run, 0)})})

    assert failed_sources(dealt, ()) == [1]
    assert failed_sources(dealt.model_copy(update={"attempts": 2}), ()) == [0, 1]
