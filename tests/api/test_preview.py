"""POST /v1/imports/preview: the verify stage alone."""

import numpy as np
import pytest
import tifffile

from tests.support.api import bearer


def preview(door, *sources, **body):
    sent = {"sources": list(sources), **body}
    return door.client.post("/v1/imports/preview", json=sent, headers=bearer("alice"))


@pytest.fixture
def folder(door):
    """One good image, one torn one, and a text, in a folder of alice's."""
    path = door.data / "alice" / "2026-11-23"
    path.mkdir()
    tifffile.imwrite(path / "good.tif", np.zeros((64, 64), "uint8"))
    (path / "torn.tif").write_bytes((path / "good.tif").read_bytes()[:500])
    (path / "notes.txt").write_text("not an image")
    return path


def test_a_preview_says_what_would_go_in_and_what_not_and_why(door, folder) -> None:
    told = preview(door, str(folder)).json()

    assert [(each["name"], each["format"]) for each in told["filesets"]] == [("good.tif", "TIFF")]
    assert told["bytes_total"] == (folder / "good.tif").stat().st_size
    assert [(each["code"], each["which"]) for each in told["refused"]] == [("source-broken", str(folder / "torn.tif"))]
    assert (told["target"], told["group"]) == ("Dataset:name:2026-11-23", "lab")


def test_a_preview_makes_nothing(door, folder) -> None:
    assert preview(door, str(folder)).status_code == 200
    assert door.runs.kept == {}


def test_a_preview_is_refused_for_the_same_reasons_as_an_import(door) -> None:
    assert preview(door, door.image("bob")).status_code == 403


def test_a_preview_says_what_would_be_said_of_each_file_and_where_it_would_go(door, folder) -> None:
    (folder / "metadata.csv").write_text("file,name,tags,stain,target\ngood.tif,Best,x;y,DAPI,Dataset:name:other\n")

    told = preview(door, str(folder), table=str(folder / "metadata.csv"), key_values={"lab": "a"}).json()

    (good,) = told["filesets"]
    assert good["target"] == "Dataset:name:other"
    said = {name: good["metadata"][name] for name in ("row", "name", "tags", "key_values", "key_values_namespace")}
    assert said == {
        "row": 2,
        "name": "Best",
        "tags": ["x", "y"],
        "key_values": {"lab": "a", "stain": "DAPI"},
        "key_values_namespace": "openmicroscopy.org/omero/client/mapAnnotation",
    }
    assert told["notes"] == [f"Files of which no row of the table speaks: {folder}/torn.tif."]


def test_a_preview_follows_a_rule_by_folders(door, folder) -> None:
    told = preview(door, str(folder), target=r"regex:.*/(?<Container1>[^/]+)").json()

    assert {each["target"] for each in told["filesets"]} == {"Dataset:name:2026-11-23"}


@pytest.mark.parametrize("path", ["/v1/imports", "/v1/imports/preview"])
def test_a_faulty_table_is_told_row_by_row_and_nothing_is_asked_for(door, folder, path) -> None:
    text = "file,stain\ngod.tif,DAPI\n,GFP\n"

    answer = door.client.post(path, json={"sources": [str(folder)], "table_text": text}, headers=bearer("alice"))

    assert answer.status_code == 422
    assert [(each["field"], each["what"]) for each in answer.json()["errors"]] == [
        ("body.table_text", "row 3: it does not say of which file it speaks")
    ]
    assert door.runs.kept == {}


def test_a_row_about_no_file_is_refused_or_told(door, folder) -> None:
    text = "file,stain\ngod.tif,DAPI\n"

    refused = preview(door, str(folder), table_text=text)
    told = preview(door, str(folder), table_text=text, unmatched_rows="tell").json()

    assert refused.status_code == 422
    assert "row 2: 'god.tif' is no file of this import" in refused.json()["detail"]
    assert told["notes"][0] == "Rows of the table that speak of no file of this import: 2 (god.tif)."


@pytest.mark.parametrize("what", ["table", "attachments"])
def test_what_comes_with_images_has_to_be_the_users_own(door, folder, what) -> None:
    theirs = door.image("bob", "secret.csv")
    missing = str(folder / "none.csv")

    answers = [preview(door, str(folder), **{what: path if what == "table" else [path]}) for path in (theirs, missing)]

    assert [answer.status_code for answer in answers] == [403, 422]
    assert all(answer.json()["errors"][0]["field"].startswith(f"body.{what}") for answer in answers)


def test_an_image_asked_into_a_screen_is_refused(door, folder) -> None:
    told = preview(door, str(folder), target="Screen:name:Drugs").json()

    assert told["filesets"] == []
    assert {each["code"] for each in told["refused"]} == {"target-unfit"}
