"""Which imports new filesets become."""

import json

import pytest

from flows.core.requests import MAX_REQUEST_BYTES, Fileset, SourceFile
from flows.core.sweep.definition import Limits
from flows.core.sweep.handover import LIMIT_OF_SWEEP, HandOver, hand_over
from flows.core.sweep.verdicts import Assignment, Decision, Verdict

ALICE = Assignment(user="alice", target="Dataset:name:Cells")
BOB = Assignment(user="bob", target="Dataset:name:Cells")


def new(path: str, whose: Assignment = ALICE, size: int = 1000) -> Decision:
    file = SourceFile(path=path, client_path=path, size=size, mtime_ns=1)
    return Decision(
        path=path,
        verdict=Verdict.NEW,
        reason="It is settled.",
        code="new",
        fileset=Fileset(files=(file,)),
        assignment=whose,
    )


def paths(handed: HandOver) -> list[list[str]]:
    return [[each.files[0].path for each in batch.filesets] for batch in handed.batches]


def test_what_goes_to_one_place_for_one_user_becomes_one_import() -> None:
    handed = hand_over([new("/d/1"), new("/d/2", BOB), new("/d/3")], Limits())

    assert paths(handed) == [["/d/1", "/d/3"], ["/d/2"]]
    assert handed.left == ()


@pytest.mark.parametrize(
    ("limits", "cut"),
    [
        pytest.param({"filesets_per_run": 2}, [["/d/0", "/d/1"], ["/d/2"]], id="filesets"),
        pytest.param({"gigabytes_per_run": 2.5e-6}, [["/d/0", "/d/1"], ["/d/2"]], id="bytes"),
        pytest.param({"gigabytes_per_run": 1e-9}, [["/d/0"], ["/d/1"], ["/d/2"]], id="each larger than the limit"),
    ],
)
def test_an_import_is_no_larger_than_its_limits(limits: dict[str, float], cut: list[list[str]]) -> None:
    assert paths(hand_over([new(f"/d/{number}") for number in range(3)], Limits.model_validate(limits))) == cut


@pytest.mark.parametrize(
    "limits", [{"filesets_per_sweep": 2}, {"gigabytes_per_sweep": 2e-6}], ids=["filesets", "bytes"]
)
def test_what_is_beyond_the_limits_of_a_sweep_waits_and_says_so(limits: dict[str, float]) -> None:
    handed = hand_over([new(f"/d/{number}") for number in range(3)], Limits.model_validate(limits))

    assert paths(handed) == [["/d/0", "/d/1"]]
    (left,) = handed.left
    assert (left.path, left.verdict, left.code) == ("/d/2", Verdict.WAITING, LIMIT_OF_SWEEP)


def test_no_request_is_larger_than_the_courier_takes() -> None:
    handed = hand_over([new(f"/d/{'ä' * 200}{number}") for number in range(1000)], Limits(filesets_per_run=5000))

    sizes = [len(json.dumps(each.request(bulk=True).model_dump(mode="json"))) for each in handed.batches]
    assert len(sizes) > 1
    assert max(sizes) < MAX_REQUEST_BYTES


def test_a_request_says_all_that_the_definition_says() -> None:
    whose = Assignment(
        user="alice", group="lab", target="Screen:name:S", tags=("t",), key_values={"k": "v"}, notify=("a@b.example",)
    )
    (batch,) = hand_over([new("/d/1", whose)], Limits()).batches

    asked = batch.request(bulk=True)
    assert (asked.on_behalf_of, asked.group, asked.target, asked.bulk) == ("alice", "lab", "Screen:name:S", True)
    assert (asked.tags, asked.key_values, asked.notify) == (["t"], {"k": "v"}, ["a@b.example"])


def test_the_same_files_handed_over_again_are_the_same_import_and_changed_ones_another() -> None:
    (one,), (again,), (changed,) = (
        hand_over([new("/d/1", size=size)], Limits()).batches for size in (1000, 1000, 1001)
    )

    assert one.identity("confocal") == again.identity("confocal")
    assert len({each.identity("confocal") for each in (one, changed)} | {one.identity("lightsheet")}) == 3
