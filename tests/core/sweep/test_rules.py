"""Which names a definition leaves out, and by which rule."""

from pathlib import Path
from typing import Any

import pytest

from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.rules import Rules, marker_for


def rules(**definition: Any) -> Rules:
    return Rules(SweepDefinition(root=Path("/w"), assign={"user": "alice"}, **definition))


def why(path: str, **definition: Any) -> str:
    found = rules(**definition).left_out(path)
    return found[1].code if found else ""


INSTRUMENTS = {
    "scanner": {"folders": ["scanner*"], "ignore": ["thumbs", "*_preview.jpg"]},
    "everywhere": {"ignore": ["*.log"]},
}


@pytest.mark.parametrize(
    ("path", "files", "code"),
    [
        pytest.param("a.tif", {}, "", id="an ordinary name"),
        pytest.param("A.TIF", {"include": ["*.tif"]}, "", id="included, whatever the case"),
        pytest.param("sub/a.czi", {"include": ["*.tif"]}, "not-included", id="not included"),
        pytest.param("raw/a.tif", {"include": ["raw/*.tif"]}, "", id="included by its path"),
        pytest.param("raw/x/a.tif", {"include": ["raw/*.tif"]}, "", id="the star stops at no slash"),
        pytest.param("a.tif", {"include": ["raw/*.tif"]}, "not-included", id="not included by its path"),
        pytest.param("TEST_1.tif", {"exclude": ["test_?.tif"]}, "excluded", id="excluded, whatever the case"),
        pytest.param("day/Test/a.tif", {"exclude": ["test"]}, "excluded", id="in an excluded folder"),
        pytest.param("day/a_1.tif", {"exclude": ["day/a_[0-9].tif"]}, "excluded", id="excluded by its path"),
        pytest.param("other/a_1.tif", {"exclude": ["day/a_[0-9].tif"]}, "", id="excluded elsewhere"),
        pytest.param(".a.tif", {}, "hidden", id="hidden"),
        pytest.param(".trash/a.tif", {}, "hidden", id="in a hidden folder"),
        pytest.param(".trash/.a.tif", {"hidden": True}, "", id="hidden, and wanted"),
        pytest.param("a.tif.part", {}, "temporary", id="temporary"),
        pytest.param("~$a.tif", {}, "temporary", id="temporary by its beginning"),
        pytest.param("run.part/a.tif", {}, "", id="in a folder with a temporary name"),
        pytest.param("a.tif.part", {"temporary": []}, "", id="nothing is temporary"),
        pytest.param("1/2/a.tif", {"depth": 2}, "", id="deep enough"),
        pytest.param("1/2/3/a.tif", {"depth": 2}, "too-deep", id="too deep"),
        pytest.param("a.tif", {"depth": 0}, "", id="in the root itself"),
        pytest.param("scanner 1/day/a_preview.jpg", {"instruments": INSTRUMENTS}, "instrument", id="of an instrument"),
        pytest.param("scanner 1/Thumbs/a.tif", {"instruments": INSTRUMENTS}, "instrument", id="in a folder of its own"),
        pytest.param("camera/a_preview.jpg", {"instruments": INSTRUMENTS}, "", id="of another instrument"),
        pytest.param("camera/run.log", {"instruments": INSTRUMENTS}, "instrument", id="of every instrument"),
        pytest.param("run.log", {"instruments": INSTRUMENTS}, "instrument", id="of every instrument, in the root"),
    ],
)
def test_a_name_is_left_out_for_a_reason(path: str, files: dict[str, Any], code: str) -> None:
    assert why(path, files=files) == code


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"exclude": ["*.gif", "b*.TIF"]}, "b*.TIF"),
        ({"instruments": {"scanner": {"ignore": ["*.tif"]}}}, "scanner"),
        ({"include": ["*.czi"]}, "files.include"),
        ({"temporary": ["b?.tif"]}, "b?.tif"),
    ],
    ids=["excluded", "instrument", "not included", "temporary"],
)
def test_the_reason_names_what_to_change(files: dict[str, Any], says: str) -> None:
    found = rules(files=files).left_out("day/b1.tif")

    assert found is not None
    assert says in found[1].reason


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("imported/alice/a.tif", "set-aside", id="moved after the import"),
        pytest.param("Failed/alice/a.tif", "set-aside", id="moved after the failure"),
        pytest.param(".omero-courier/a.tif", "set-aside", id="notes of the sweep"),
        pytest.param("alice/imported/a.tif", "", id="not directly below the root"),
    ],
)
def test_what_the_sweep_moved_is_not_found_again(path: str, code: str) -> None:
    assert why(path, files={"hidden": True}) == code


@pytest.mark.parametrize(
    ("path", "settled", "code"),
    [
        pytest.param("day/a.done", {"marker": "{stem}.done"}, "companion", id="a marker"),
        pytest.param("day/READY.txt", {"marker": "ready.txt"}, "companion", id="a fixed marker"),
        pytest.param("day/import.yml", {"sidecar": True}, "companion", id="a sidecar"),
        pytest.param("day/import.yml", {}, "", id="no sidecar is looked for"),
    ],
)
def test_what_the_sweep_itself_reads_is_no_image(path: str, settled: dict[str, Any], code: str) -> None:
    assert why(path, settled=settled) == code


@pytest.mark.parametrize(
    ("marker", "beside", "there"),
    [
        pytest.param("{stem}.done", "cells.ome.done", True, id="without the suffix"),
        pytest.param("{stem}.done", "cells.done", True, id="without the double suffix"),
        pytest.param("{file}.ok", "Cells.ome.tiff.OK", True, id="with the suffix"),
        pytest.param("{folder}_complete", "day 1_complete", True, id="named after the folder"),
        pytest.param("ready.*", "ready.txt", True, id="a pattern"),
        pytest.param("{stem}.done", "other.done", False, id="another file's"),
        pytest.param("{stem}.done", "cells_done", False, id="another name"),
    ],
)
def test_a_marker_is_told_by_its_name(marker: str, beside: str, *, there: bool) -> None:
    assert marker_for(marker, "cells.ome.tiff", "day 1", ["cells.ome.tiff", beside]) is there


def test_brackets_in_a_name_are_no_pattern_in_its_marker() -> None:
    assert marker_for("{stem}.done", "cells[1].tif", "day", ["cells[1].done"])
    assert not marker_for("{stem}.done", "cells[1].tif", "day", ["cells1.done"])
