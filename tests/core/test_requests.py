"""What may be asked, how it is written, and what is refused with a word of help."""

from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from flows.core.errors import SourceMissing, TargetSyntax
from flows.core.requests import Failure, Fileset, ImportRequest, SourceFile, Target, run_title


def asked(**changes: Any) -> ImportRequest:
    return ImportRequest(**{"sources": ["/data/alice/cells.tif"], "on_behalf_of": "alice", **changes})


def fileset(*client_paths: str) -> Fileset:
    return Fileset(files=tuple(SourceFile(path="/mnt" + p, client_path=p, size=10, mtime_ns=1) for p in client_paths))


@pytest.mark.parametrize(
    ("text", "written_out"),
    [
        pytest.param("Dataset:5", "Dataset:id:5", id="id is the default"),
        pytest.param("Dataset:id:5", "Dataset:id:5", id="id"),
        pytest.param("Dataset:name:Cells", "Dataset:name:Cells", id="name"),
        pytest.param("Dataset:+name:Cells", "Dataset:name:Cells", id="newest is the default"),
        pytest.param("Dataset:-name:Cells", "Dataset:-name:Cells", id="oldest"),
        pytest.param("Screen:%name:Drugs", "Screen:%name:Drugs", id="the only one"),
        pytest.param("Dataset:@name:Cells", "Dataset:@name:Cells", id="always a new one"),
        pytest.param("Screen:id:7", "Screen:id:7", id="screen"),
        pytest.param("Project:3/Dataset:name:D", "Project:id:3/Dataset:name:D", id="in a project by id"),
        pytest.param("Project:name:P/Dataset:@name:D", "Project:name:P/Dataset:@name:D", id="in a project by name"),
        pytest.param("Project:@name:P/Dataset:name:D", "Project:@name:P/Dataset:name:D", id="in a new project"),
        pytest.param("Dataset:name:a/b: c", "Dataset:name:a/b: c", id="slash and colon in the name"),
        pytest.param(
            "Project:name:a/b/Dataset:name:c/d", "Project:name:a/b/Dataset:name:c/d", id="slash in both names"
        ),
        pytest.param("Dataset:name:Zellen größer", "Dataset:name:Zellen größer", id="not ASCII"),
    ],
)
def test_a_target_reads_as_omero_writes_it(text: str, written_out: str) -> None:
    target = Target.parse(text)

    assert str(target) == written_out
    assert Target.parse(written_out) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Cells",
        "dataset:id:5",
        "Dataset",
        "Dataset:",
        "Dataset:id:",
        "Dataset:id:0",
        "Dataset:id:-5",
        "Dataset:id:5.0",
        "Dataset:id:²",
        "Dataset:id:9223372036854775808",
        "Dataset:name:",
        "Dataset:name: ",
        "Dataset:name:" + "x" * 256,
        "Dataset:title:Cells",
        "Project:name:P",
        "Project:/Dataset:id:4",
        "Project:name:P/Screen:id:5",
        "Project:name:P/",
        "Plate:id:4",
        "/Dataset:id:4",
    ],
)
def test_what_is_no_target_is_refused_with_examples(text: str) -> None:
    with pytest.raises(TargetSyntax, match="Write for example Dataset:id:5"):
        Target.parse(text)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("cells.tif", "Give an absolute path", id="relative"),
        pytest.param("../cells.tif", "Give an absolute path", id="relative, upwards"),
        pytest.param("/data/../cells.tif", "may not go up", id="upwards"),
        pytest.param("~/cells.tif", "Give an absolute path", id="home"),
        pytest.param("C:cells.tif", "Give an absolute path", id="Windows drive, relative"),
        pytest.param("sftp://a:b@host/cells.tif", "a user or a password in the URI", id="password in a URI"),
        pytest.param("/data/a\0b.tif", "NUL", id="null byte"),
        pytest.param("", "at least 1 character", id="empty"),
        pytest.param("/" + "x" * 4096, "at most 4096 characters", id="too long"),
    ],
)
def test_a_bad_path_is_refused_with_its_place(source: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        asked(sources=["/data/good.tif", source])

    assert refused.value.errors()[0]["loc"][:2] == ("sources", 1)


@pytest.mark.parametrize(
    "receiver",
    [
        "slack://token",
        "https://example.org/hook",
        "mailto:a@x.example",
        "example.org/hook",
        "a@b@x.example",
        "@x.example",
        "a@",
        "a@x.example, b@x.example",
        "a b@x.example",
        "Alice <a@x.example>",
        "a@x.example\nBcc: b@x.example",
        "",
    ],
)
def test_who_is_told_is_never_a_url_nor_half_an_address(receiver: str) -> None:
    with pytest.raises(ValidationError) as refused:
        asked(notify=[receiver])

    assert refused.value.errors()[0]["loc"][:2] == ("notify", 0)


@pytest.mark.parametrize("receiver", ["alice@lab.example", "o'brien+omero@lab.example", "zoë@größe.example", "team"])
def test_who_is_told_is_an_address_or_the_name_of_a_channel(receiver: str) -> None:
    assert asked(notify=[receiver]).notify == [receiver]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        pytest.param({"sources": []}, "sources", id="no sources"),
        pytest.param({"sources": "/data/a.tif"}, "sources", id="one source without a list"),
        pytest.param({"sources": ["/data/a.tif"] * 5001}, "sources", id="too many sources"),
        pytest.param({"target": "Cells"}, "target", id="bad target"),
        pytest.param({"staging": "copy"}, "staging", id="unknown staging"),
        pytest.param({"annotation_ids": [0]}, "annotation_ids", id="annotation 0"),
        pytest.param({"on_behalf_of": " "}, "on_behalf_of", id="nobody"),
        pytest.param({"tags": ["x" * 256]}, "tags", id="tag too long"),
        pytest.param({"description": "x" * 10_001}, "description", id="description too long"),
        pytest.param({"password": "x"}, "password", id="unknown field"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_field(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        asked(**changes)

    assert refused.value.errors()[0]["loc"][0] == place


def test_a_field_left_empty_in_a_form_counts_as_left_out() -> None:
    request = asked(target="", group="", name="", description="")

    assert (request.target, request.group, request.name, request.description) == (None, None, None, None)


def test_the_form_offers_no_null_where_it_takes_text() -> None:
    """The Prefect UI fills defaults in, and its own check then refuses null."""
    properties = ImportRequest.model_json_schema()["properties"]

    assert {name: each["default"] for name, each in properties.items() if "default" in each} == {
        "staging": "auto",
        "importer": "auto",
        "placement": "upload",
        "after_import": "keep",
        "after_delay_hours": 0,
        "duplicates": "skip",
        "bulk": False,
        "attach_to": "images",
        "unmatched_rows": "refuse",
    }


def test_the_form_asks_first_for_what_is_required() -> None:
    properties = ImportRequest.model_json_schema()["properties"]

    assert sorted(properties, key=lambda name: properties[name]["position"])[:3] == [
        "sources",
        "on_behalf_of",
        "target",
    ]


def test_return_pressed_in_a_field_of_the_form_does_no_harm() -> None:
    request = asked(sources=["/data/a b \n"], target=" Dataset:name:Cells\n", on_behalf_of="alice\n")

    assert (request.sources, request.target, request.on_behalf_of) == (["/data/a b "], "Dataset:name:Cells", "alice")


def test_a_source_named_twice_is_taken_once() -> None:
    assert asked(sources=["/data/b", "/data/a", "/data/b"]).sources == ["/data/b", "/data/a"]


def test_a_request_survives_json() -> None:
    request = asked(target="Screen:id:7", key_values={"Cell line": "HeLa"}, tags=["control"])

    assert ImportRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize("name", ImportRequest.model_fields)
def test_each_field_says_to_people_what_it_is(name: str) -> None:
    field = ImportRequest.model_fields[name]

    assert field.title
    assert field.description


def test_what_must_be_filled_in_stands_first_in_a_form() -> None:
    schema = ImportRequest.model_json_schema()
    in_order = sorted(schema["properties"], key=lambda name: schema["properties"][name]["position"])

    assert set(in_order[: len(schema["required"])]) == set(schema["required"])


def test_a_request_is_never_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        asked().name = "other"


def test_the_key_of_a_fileset_depends_on_its_files_and_their_order_only() -> None:
    one = fileset("/data/a.tif", "/data/b.tif")

    assert one.key == fileset("/data/a.tif", "/data/b.tif").key
    assert one.key != fileset("/data/b.tif", "/data/a.tif").key
    assert one.key != fileset("/data/a.tif").key
    assert (one.name, one.size) == ("a.tif", 20)


@pytest.mark.parametrize(
    ("first", "name", "folder"),
    [
        ("/data/day/a.companion.ome", "a.companion.ome", "day"),
        ("/data/day/a.zarr/.zattrs", "a.zarr", "day"),
        ("/data/day/a.zarr/zarr.json", "a.zarr", "day"),
        ("/a.tif", "a.tif", ""),
    ],
)
def test_a_fileset_is_called_after_what_people_see_as_the_image(first: str, name: str, folder: str) -> None:
    one = fileset(first, "/data/other")

    assert (one.name, one.folder) == (name, folder)


@pytest.mark.parametrize(
    ("names", "target", "title"),
    [
        (["cells.tif"], "Project:name:P/Dataset:name:Cells", "alice: cells.tif into Dataset Cells"),
        (["a.tif", "b.tif"], "Screen:id:7", "alice: 2 files into Screen 7"),
        (["a.tif"], None, "alice: a.tif into OMERO"),
        (["x" * 300], None, "alice: " + "x" * 193),
    ],
)
def test_a_run_is_called_after_what_it_imports(names: list[str], target: str | None, title: str) -> None:
    assert run_title("alice", names, target) == title


def test_a_failure_as_a_value_says_what_the_exception_said() -> None:
    error = SourceMissing(which="/data/gone.tif")

    failure = Failure.of(error)

    assert (failure.code, failure.transient) == ("source-missing", False)
    assert str(failure) == str(error) == "/data/gone.tif: There is no such file. " + SourceMissing.advice_by_default


@pytest.mark.parametrize(
    ("source", "fits"),
    [
        ("/data/a@b.tif", True),
        ("C:\\Data\\a@b.tif", True),
        ("sftp://host/a@b.tif", True),
        ("sftp://alice:s3cret@host/a.tif", False),
        ("file:///data/a@b.tif", True),
    ],
)
def test_prefect_is_told_to_keep_no_password_in_a_uri(source: str, fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(ImportRequest.model_json_schema())

    assert validator.is_valid({"sources": [source], "on_behalf_of": "alice"}) is fits


def test_an_error_of_a_request_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(ValidationError) as refused:
        asked(sources=["sftp://alice:s3cret@host/a.tif"])

    assert "s3cret" not in str(refused.value)
