"""POST /v1/imports/bulk: what OMERO's bulk file describes becomes one import, judged as any other."""

import numpy as np
import pytest
import tifffile

from tests.support.api import TOKEN, bearer

LISTED = "First\tday 1/a.tif\nSecond\tday 2/a.tif\n"


def send(door, preview=False, who="alice", **body):
    path = "/v1/imports/bulk/preview" if preview else "/v1/imports/bulk"
    return door.client.post(path, json=body, headers=bearer(who))


@pytest.fixture
def folder(door):
    """Two images of alice's, with a bulk file."""
    for name in ("day 1/a.tif", "day 2/a.tif"):
        door.image(name=name)
    mine = door.data / "alice"
    (mine / "bulk.yml").write_text(
        "include: base.yml\npath: files.tsv\ncolumns: [name, path]\ntarget: Dataset:name:Mine\nexclude: clientpath\n"
    )
    (mine / "base.yml").write_text("description: Of all\ntarget: Dataset:name:Theirs\n")
    (mine / "files.tsv").write_text(LISTED)
    return mine


def test_a_bulk_file_becomes_one_import(door, folder) -> None:
    answer = send(door, file=str(folder / "bulk.yml"), key_values={"Lab": "A"})

    assert answer.status_code == 202
    (run,) = door.runs.kept.values()
    assert run.request == {
        "on_behalf_of": "alice",
        "group": "lab",
        "sources": [f"{folder}/day 1/a.tif", f"{folder}/day 2/a.tif"],
        "target": "Dataset:name:Mine",
        "description": "Of all",
        "key_values": {"Lab": "A"},
        "table_text": f"file,name\n{folder}/day 1/a.tif,First\n{folder}/day 2/a.tif,Second\n",
    }
    assert answer.headers["Location"] == answer.json()["links"]["status"]
    (note,) = answer.json()["notes"]
    assert note.startswith(f"exclude (line 5 of {folder}/bulk.yml) is not followed: ")


def test_a_machine_may_send_one_for_its_user(door, folder) -> None:
    assert send(door, who=TOKEN, file=str(folder / "bulk.yml")).json()["user"] == "alice"


def test_the_same_key_makes_one_import(door, folder) -> None:
    sent = {"json": {"file": str(folder / "bulk.yml")}, "headers": {**bearer("alice"), "Idempotency-Key": "monday"}}
    answers = [door.client.post("/v1/imports/bulk", **sent) for _ in range(2)]
    (folder / "files.tsv").write_text("Third\tday 1/a.tif\n")
    changed = door.client.post("/v1/imports/bulk", **sent)

    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert (len(door.runs.kept), changed.status_code) == (1, 409)


def test_a_preview_tells_what_is_said_of_each_file_and_makes_nothing(door, folder) -> None:
    for day in ("day 1", "day 2"):
        tifffile.imwrite(folder / day / "a.tif", np.zeros((8, 8), "uint8"))

    told = send(door, preview=True, file=str(folder / "bulk.yml")).json()

    assert [(each["metadata"]["row"], each["metadata"]["name"], each["target"]) for each in told["filesets"]] == [
        (2, "First", "Dataset:name:Mine"),
        (3, "Second", "Dataset:name:Mine"),
    ]
    assert told["notes"][0].startswith("exclude")
    assert door.runs.kept == {}


def test_a_dry_run_is_a_preview(door, folder) -> None:
    (folder / "bulk.yml").write_text("path: files.tsv\ncolumns: [name, path]\ndry_run: true\n")

    answer = send(door, file=str(folder / "bulk.yml"))

    assert (answer.status_code, door.runs.kept) == (200, {})
    assert {"filesets", "refused", "to_make"} <= answer.json().keys()


def test_the_content_may_be_sent_instead(door, folder) -> None:
    text = "path: sent.tsv\ncolumns: [name, path]\n"

    answer = send(door, text=text, folder=str(folder), files={"sent.tsv": LISTED})

    assert answer.status_code == 202
    assert next(iter(door.runs.kept.values())).request["sources"][0] == f"{folder}/day 1/a.tif"


@pytest.mark.parametrize("preview", [False, True])
def test_every_file_that_is_read_has_to_be_the_callers(door, folder, preview) -> None:
    theirs = door.data / "bob"
    for name, text in (("bulk.yml", "path: /x"), ("files.txt", "secret words")):
        (theirs / name).write_text(text)
    (folder / "link.yml").symlink_to(theirs / "bulk.yml")
    asked = [
        {"file": f"{theirs}/bulk.yml"},
        {"file": f"{folder}/link.yml"},
        {"file": f"{theirs}/none.yml"},
        {"text": f"include: {theirs}/bulk.yml\npath: x", "folder": str(folder)},
        {"text": "path: ../bob/files.txt", "folder": str(folder)},
        {"text": "path: files.txt", "folder": str(theirs)},
        {"text": "path: x", "folder": str(folder), "files": {"x": f"{door.image('bob')}"}},
    ]

    answers = [send(door, preview, **body) for body in asked]

    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [
        (403, "urn:omero-courier:source-not-allowed")
    ] * len(asked)
    assert not any("secret words" in answer.text for answer in answers)
    assert door.runs.kept == {}


def test_faults_are_told_with_file_and_line(door, folder) -> None:
    (folder / "base.yml").write_text("descripton: x\nskipp: all\n")

    answer = send(door, file=str(folder / "bulk.yml"))

    assert answer.status_code == 422
    assert [(each["field"], each["which"], each["what"]) for each in answer.json()["errors"]] == [
        ("body.file", f"{folder}/base.yml", f"line {line}: {key}: `omero import` has no such option; is {meant} meant?")
        for line, key, meant in ((1, "descripton", "description"), (2, "skipp", "skip"))
    ]


def test_an_image_that_is_not_there_is_told_of(door, folder) -> None:
    (folder / "files.tsv").write_text("First\tnone.tif\n")

    answer = send(door, file=str(folder / "bulk.yml"))

    assert (answer.status_code, answer.json()["errors"][0]["which"]) == (422, f"{folder}/none.tif")


def test_rows_about_files_that_belong_together_are_told_by_the_lines_of_the_list(door, folder) -> None:
    for name in ("set.ics", "set.ids"):
        (folder / name).write_bytes(b"ics_version\t1.0\n")
    (folder / "files.tsv").write_text("First\tset.ics\nSecond\tset.ids\n")

    refused = send(door, file=str(folder / "bulk.yml")).json()

    assert "row 3" in refused["detail"]
    assert refused["advice"].startswith(f"Row N is line N - 1 of {folder}/files.tsv")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "give either file or text"),
        ({"file": "/a.yml", "text": "path: x"}, 422, "give either file or text"),
        ({"file": "/a.yml", "folder": "/a"}, 422, "leave out folder"),
        ({"text": "path: x", "sources": ["/a"]}, 422, "leave out sources"),
        ({"text": "path: x", "table_text": "file\na"}, 422, "leave out table_text"),
        ({"text": "path: x"}, 422, "no `folder` says where it begins"),
        ({"text": "name: x"}, 422, "path: is missing"),
        ({"file": "bulk.yml"}, 422, "no absolute path"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(door, body, status, told) -> None:
    answer = send(door, **body)

    assert (answer.status_code, told in answer.text) == (status, True)


def test_what_is_said_in_both_places_is_refused(door, folder) -> None:
    refused = send(door, file=str(folder / "bulk.yml"), target="Dataset:id:5")

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.target")


def test_what_both_say_has_to_agree(door, folder) -> None:
    (folder / "bulk.yml").write_text("path: files.tsv\ncolumns: [name, path]\ntransfer: ln_s\n")

    placed = send(door, file=str(folder / "bulk.yml"))
    staged = send(door, file=str(folder / "bulk.yml"), staging="stage")

    assert placed.json()["type"] == "urn:omero-courier:placement-not-allowed"
    assert "leave out staging" in staged.json()["detail"]


def test_what_the_api_cannot_see_has_to_be_sent_along(door_with) -> None:
    door = door_with(roots={"away": {"path": "/nowhere/{user}"}})

    refused = send(door, file="/nowhere/alice/bulk.yml").json()

    assert refused["type"] == "urn:omero-courier:source-elsewhere"
    assert "`files`" in refused["advice"]
    assert send(door, text="path: x", folder="/nowhere/alice", files={"x": "a.tif"}).json()["checked"] == "later"


def test_a_bulk_file_that_is_too_large_or_no_text_is_refused(door, folder) -> None:
    (folder / "large.yml").write_text("#" * 100_001)
    (folder / "odd.yml").write_bytes(b"path: x\nname: \xff\n")

    refused = [send(door, file=str(folder / name)).json()["detail"] for name in ("large.yml", "odd.yml")]

    assert "larger than 100,000 bytes" in refused[0]
    assert "line 2: it is not UTF-8" in refused[1]
