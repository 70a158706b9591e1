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
