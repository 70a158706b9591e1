"""A batch becomes as few imports as it has kinds of words, each as the courier's own interface knows them."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.problems import Problem
from api.smuggler import batches
from api.smuggler.batches import divide
from api.smuggler.models import ImportElement
from flows.core.settings import OmeroServer

SERVERS = {
    "main": OmeroServer(host="omero.example", aliases=("omero", "10.0.0.5:14064")),
    "test": OmeroServer(host="omero.example", port=14064),
}


def element(target: str = "/data/alice/cells.tif", **more: Any) -> ImportElement:
    needed = {"experimenterEmail": "x@y", "omeroHost": "omero.example", "sessionKey": "k"}
    return ImportElement.model_validate({"targetUri": target, **needed, **more})


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ({}, {}),
        ({"datasetId": "5"}, {"target": "Dataset:id:5"}),
        ({"datasetId": 5}, {"target": "Dataset:id:5"}),
        ({"screenId": "7", "datasetId": ""}, {"target": "Screen:id:7"}),
        ({"name": "Control", "description": "of the day"}, {"name": "Control", "description": "of the day"}),
        ({"name": "", "description": None}, {}),
        ({"annotationIds": ["3", 4]}, {"annotation_ids": [3, 4]}),
        ({"textAnnotations": [["ns", "one"], ["ns", 2]]}, {"text_annotations": [("ns", "one"), ("ns", "2")]}),
        ({"experimenterEmail": "alice@lab.example"}, {"notify": ["alice@lab.example"]}),
        ({"experimenterEmail": " alice@lab.example "}, {"notify": ["alice@lab.example"]}),
        ({"experimenterEmail": "Alice <alice@lab.example>"}, {"notify": ["alice@lab.example"]}),
        ({"datasetId": " 5"}, {"target": "Dataset:id:5"}),
        ({"whatever": ["else"]}, {}),
    ],
    ids=lambda value: ", ".join(value) or "nothing more",
)
def test_an_element_is_an_import_of_the_couriers_own(sent: dict[str, Any], asked: dict[str, Any]) -> None:
    [part] = divide([element(**sent)], SERVERS)

    said = part.body.model_dump(exclude_unset=True, exclude={"server"})
    said["text_annotations"] = [(each["namespace"], each["text"]) for each in said["text_annotations"]]
    plain = {"sources": ["/data/alice/cells.tif"], "notify": ["x@y"], "text_annotations": [], "annotation_ids": []}
    assert {name: value for name, value in said.items() if value is not None} == {**plain, **asked}


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("omero.example", None, "main"),
        ("OMERO.Example", "4064", "main"),
        ("omero.example", 14064, "test"),
        ("omero", None, "main"),
        ("10.0.0.5", "14064", "main"),
    ],
)
def test_an_omero_is_known_by_its_host_its_port_and_its_aliases(host: str, port: object, server: str) -> None:
    [part] = divide([element(omeroHost=host, omeroPort=port)], SERVERS)

    assert part.server == part.body.server == server


@pytest.mark.parametrize(("host", "port"), [("elsewhere", "4064"), ("omero.example", "4065"), ("10.0.0.5", "4064")])
def test_an_omero_that_nobody_configured_is_refused(host: str, port: str) -> None:
    with pytest.raises(Problem, match=r"1: omeroHost, omeroPort: .* is none of the OMERO servers"):
        divide([element(omeroHost=host, omeroPort=port)], SERVERS)


def test_elements_that_agree_in_all_but_the_file_are_one_import() -> None:
    batch = [element("/a"), element("/b", name="Control"), element("/c"), element("/a")]

    parts = divide(batch, SERVERS)

    assert [(part.body.sources, part.elements) for part in parts] == [(["/a", "/c"], (0, 2, 3)), (["/b"], (1,))]


@pytest.mark.parametrize(
    "other", [{"sessionKey": "l"}, {"datasetId": "5"}, {"experimenterEmail": "z@y"}, {"omeroPort": "14064"}]
)
def test_what_differs_in_anything_else_is_an_import_of_its_own(other: dict[str, str]) -> None:
    assert len(divide([element("/a"), element("/b", **other)], SERVERS)) == 2


def test_what_lies_on_another_machine_is_an_import_of_its_own() -> None:
    batch = [
        element(path) for path in ("file://a/data/1", "file://b/data/2", "\\\\A\\data\\3", "C:\\data\\4", "/data/5")
    ]

    assert [part.elements for part in divide(batch, SERVERS)] == [(0, 2), (1,), (3, 4)]


def test_what_would_be_too_large_for_one_import_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_FILES", 2)
    monkeypatch.setattr(batches, "MOST_BYTES", 40)
    batch = [element(path) for path in ("/1", "/2", "/3", f"/{'4' * 30}", f"/{'5' * 30}")]

    assert [part.elements for part in divide(batch, SERVERS)] == [(0, 1), (2,), (3,), (4,)]


def test_a_batch_that_is_sent_again_in_the_same_session_is_the_same() -> None:
    first, again, later = (
        [part.client_key for part in divide([element("/a", sessionKey=key), element("/b", name="x")], SERVERS)]
        for key in ("k", "k", "l")
    )

    assert first == again
    assert len(set(first)) == 2
    assert not set(first) & set(later)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"name": " "}, "1: name: "),
        ({"name": "a\0b"}, "1: there is a NUL character in it"),
        ({"textAnnotations": [["omero-courier/run/v1", "x"]]}, "1: textAnnotations: "),
    ],
    ids=["a blank name", "a NUL", "a namespace of ours"],
)
def test_what_the_courier_itself_cannot_take_is_said_of_its_element(sent: dict[str, Any], why: str) -> None:
    with pytest.raises(Problem) as refused:
        divide([element(**sent)], SERVERS)

    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"experimenterEmail": "nobody"}, "experimenterEmail"),
        ({"experimenterEmail": "mailto://x@y"}, "experimenterEmail"),
        ({"targetUri": "my/file"}, "targetUri"),
        ({"omeroPort": "0"}, "omeroPort"),
        ({"omeroPort": "99999"}, "omeroPort"),
        ({"omeroPort": "http"}, "omeroPort"),
        ({"datasetId": "-1"}, "datasetId"),
        ({"datasetId": "0"}, "datasetId"),
        ({"datasetId": "1.5"}, "datasetId"),
        ({"datasetId": "9" * 400}, "datasetId"),
        ({"annotationIds": ["1", "x"]}, "annotationIds"),
        ({"annotationIds": "1"}, "annotationIds"),
        ({"textAnnotations": [["ns"]]}, "textAnnotations"),
        ({"textAnnotations": [["ns", ""]]}, "textAnnotations"),
        ({"textAnnotations": [["ns", "text", "more"]]}, "textAnnotations"),
        ({"sessionKey": {"k": 1}}, "sessionKey"),
        ({"omeroHost": "\ud800"}, "omeroHost"),
        ({"textAnnotations": [["ns", "\udfff"]]}, "textAnnotations"),
    ],
    ids=ascii,
)
def test_a_wrong_field_is_named(sent: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        element(**sent)

    assert {error["loc"][0] for error in refused.value.errors()} == {field}


def test_dataset_and_screen_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="mutually exclusive"):
        element(datasetId="5", screenId="7")


def test_the_key_is_in_no_text_of_an_element_or_a_part() -> None:
    batch = [element(sessionKey="a-key-to-keep")]

    assert "a-key-to-keep" not in f"{batch!r} {batch} {batch[0].model_dump_json()} {divide(batch, SERVERS)}"
