"""Micro-Manager's metadata with image files."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deployments.sandbox.images import make_ome_tiff_set, make_small_ome_tiff
from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

PLANES = [f"img_00000000{time}_{channel}_000.tif" for time in (0, 1) for channel in ("DAPI", "GFP")]


def make_position(folder: Path, *, names: list[str] | None = None, metadata: str = "metadata.txt") -> None:
    """A position as version 1.4 writes it; in the metadata each plane is named."""
    make_metadata(folder / metadata, names or PLANES)
    for name in PLANES:
        tifffile.imwrite(folder / name, np.zeros((4, 4), np.uint8), metadata=None)


def make_metadata(path: Path, names: list[str], version: str = "1.4.22") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = {f"FrameKey-{number}-0-0": {"FileName": name} for number, name in enumerate(names)}
    path.write_text(json.dumps({"Summary": {"MicroManagerVersion": version}, **frames}, indent=1))


def members(folder: str) -> list[str]:
    return [f"{folder}/{each}" for each in ("metadata.txt", *PLANES)]


@pytest.mark.parametrize("source", [".", "Pos0", "Pos0/metadata.txt", f"Pos0/{PLANES[3]}", "Pos0/Acqusition.xml"])
def test_any_file_stands_for_the_whole_set(home: Path, look: Look, sound, source: str) -> None:
    make_position(home / "Pos0")
    make(home, "Pos0/Acqusition.xml", "Pos0/comments.txt")

    found = look(source)

    assert (sets(found, home), found.refused) == (
        [["Pos0/metadata.txt", "Pos0/Acqusition.xml", *members("Pos0")[1:]]],
        (),
    )
    assert [each.reader for each in found.filesets] == ["loci.formats.in.MicromanagerReader"]
    assert sound(found) == ["Micro-Manager"]


def test_positions_in_folders_of_their_own_are_sets_of_their_own(home: Path, look: Look) -> None:
    make_position(home / "Pos0")
    make_position(home / "Pos1")

    assert sets(look(), home) == [members("Pos0"), members("Pos1")]


@pytest.mark.parametrize("source", [".", "1-Pos_001_000", f"1-Pos_001_000/{PLANES[0]}"])
def test_the_positions_of_a_grid_are_one_set(home: Path, look: Look, source: str) -> None:
    make_position(home / "1-Pos_000_000")
    make_position(home / "1-Pos_001_000")

    found = look(source)

    assert sets(found, home) == [[*members("1-Pos_000_000"), *members("1-Pos_001_000")]]


def test_a_grid_without_the_metadata_of_a_position_is_refused_once(home: Path, look: Look) -> None:
    make_position(home / "1-Pos_000_000")
    make_position(home / "1-Pos_001_000")
    (home / "1-Pos_001_000/metadata.txt").unlink()

    found = look("1-Pos_000_000")

    assert not found.filesets
    assert "1-Pos_001_000/metadata.txt" in found.refused[0].what


@pytest.mark.parametrize("source", [".", PLANES[0]])
def test_a_plane_that_is_missing_is_named(home: Path, look: Look, source: str) -> None:
    make_position(home)
    (home / PLANES[2]).unlink()

    found = look(source)

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert PLANES[2] in found.refused[0].what


def test_planes_are_known_by_a_prefix_that_they_share_with_the_metadata(home: Path, look: Look) -> None:
    for name in ("a", "b"):
        make_metadata(home / f"{name}_metadata.txt", [f"{name}.tif"])
        tifffile.imwrite(home / f"{name}.tif", np.zeros((4, 4), np.uint8), metadata=None)

    assert sets(look("b.tif", "."), home) == [["b_metadata.txt", "b.tif"], ["a_metadata.txt", "a.tif"]]


def test_planes_are_named_with_their_folder_from_version_two_on(home: Path, look: Look) -> None:
    make_position(home / "Default", names=[f"Default/{each}" for each in PLANES])

    assert sets(look(), home) == [members("Default")]


def test_planes_may_be_named_by_their_coordinates(home: Path, look: Look) -> None:
    make_position(home / "Default")
    coords = {f"Coords-Default/{each}": {"time": 0} for each in PLANES}
    (home / "Default/metadata.txt").write_text(json.dumps({"Summary": {"MicroManagerVersion": "2.0"}, **coords}))
    (home / "Default" / PLANES[0]).unlink()

    assert PLANES[0] in look("Default").refused[0].what


def test_without_names_all_tiffs_beside_it_are_taken(home: Path, look: Look) -> None:
    make_position(home / "Pos0")
    (home / "Pos0/metadata.txt").write_text('{"Summary": {"MicroManagerVersion": "1.4"}}')

    assert sets(look(), home) == [members("Pos0")]


def test_metadata_of_something_else_says_nothing(home: Path, look: Look) -> None:
    make_position(home)
    make(home, "metadata.txt")

    assert sets(look(), home) == [[each] for each in PLANES]


@pytest.mark.parametrize("kind", ["one file", "several files"])
def test_ome_tiff_stacks_do_without_the_metadata_beside_them(home: Path, look: Look, kind: str) -> None:
    if kind == "one file":
        files = [make_small_ome_tiff(home / "run_MMStack.ome.tif")]
    else:
        files = list(make_ome_tiff_set(home, name="run_MMStack", metadata="first"))
    for file in files:
        make_metadata(home / f"{file.name.partition('.')[0]}_metadata.txt", [file.name])

    found = look()

    assert sets(found, home) == [[file.name for file in files]]
    assert found.passed_over == len(files)


@pytest.mark.parametrize("name", ["a\\u0000/b.tif", "../../bob/a.tif", "/etc/passwd", "x" * 5000])
def test_names_that_lead_nowhere_are_missing(home: Path, look: Look, name: str) -> None:
    (home / "metadata.txt").write_text(f'"MicroManagerVersion": "1.4", "FileName": "{name}"')

    assert refusals(look("metadata.txt"), home) == [("source-incomplete", "metadata.txt")]


def test_a_name_that_cannot_be_read_is_refused(home: Path, look: Look) -> None:
    (home / "metadata.txt").write_text('"MicroManagerVersion": "1.4", "FileName": "\\x"')

    assert refusals(look("metadata.txt"), home) == [("source-broken", "metadata.txt")]
