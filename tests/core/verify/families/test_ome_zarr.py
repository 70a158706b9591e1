"""OME-Zarr folders."""

import json
from pathlib import Path

import pytest

from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

PYRAMID = {"multiscales": [{"datasets": [{"path": "0"}, {"path": "1"}]}]}
PLATE = {"plate": {"wells": [{"path": "A/1"}]}}
WELL = {"well": {"images": [{"path": "0"}]}}


class Version04:
    """Zarr format 2."""

    metadata = ".zattrs"
    array = ".zarray"

    @staticmethod
    def group(folder: Path, attributes: dict[str, object]) -> None:
        make(folder, ".zgroup", content=b'{"zarr_format": 2}')
        make(folder, ".zattrs", content=json.dumps(attributes).encode())


class Version05:
    """Zarr format 3."""

    metadata = "zarr.json"
    array = "zarr.json"

    @staticmethod
    def group(folder: Path, attributes: dict[str, object]) -> None:
        group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": attributes}}
        make(folder, "zarr.json", content=json.dumps(group).encode())


VERSIONS = pytest.mark.parametrize("version", [Version04, Version05])


def make_image(folder: Path, version: type[Version04 | Version05]) -> None:
    version.group(folder, PYRAMID)
    make(folder, f"0/{version.array}", f"1/{version.array}", content=b"{}")
    make(folder, "0/0/0/0", "1/c/0/0", "labels/notes.txt")


def make_plate(folder: Path, version: type[Version04 | Version05]) -> None:
    version.group(folder, PLATE)
    version.group(folder / "A/1", WELL)
    make_image(folder / "A/1/0", version)


@VERSIONS
@pytest.mark.parametrize(
    "source", [".", "a.ome.zarr", "a.ome.zarr/0", "a.ome.zarr/0/0/0/0", "a.ome.zarr/labels/notes.txt"]
)
def test_any_file_or_folder_stands_for_the_whole(home: Path, look: Look, sound, version, source: str) -> None:
    make_image(home / "a.ome.zarr", version)
    make(home, "a.ome.zarr/.DS_Store", "a.ome.zarr/0/x.partial", "a.ome.zarr/.zmetadata")

    found = look(source)

    (files,) = sets(found, home)
    assert files[0] == f"a.ome.zarr/{version.metadata}"
    assert len(files) == (8 if version is Version04 else 7)
    assert [each.reader for each in found.filesets] == ["loci.formats.in.ZarrReader"]
    assert sound(found) == ["OME-Zarr"]


@VERSIONS
def test_the_files_are_those_below_but_for_what_is_passed_over(home: Path, look: Look, version) -> None:
    make_image(home / "a.zarr", version)
    make(home, "a.zarr/.DS_Store", "a.zarr/0/x.partial", "a.zarr/.hidden/x")

    (files,) = sets(look(), home)

    everything = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert everything - set(files) == {"a.zarr/.DS_Store", "a.zarr/0/x.partial", "a.zarr/.hidden/x"}


@VERSIONS
@pytest.mark.parametrize("source", [".", "p.zarr/A/1", "p.zarr/A/1/0/0/0/0/0"])
def test_a_plate_is_one_set(home: Path, look: Look, version, source: str) -> None:
    make_plate(home / "p.zarr", version)

    found = look(source)

    assert [each[0] for each in sets(found, home)] == [f"p.zarr/{version.metadata}"]
    assert found.refused == ()


@VERSIONS
@pytest.mark.parametrize("listed", [True, False])
def test_several_images_of_bioformats2raw_are_one_set(home: Path, look: Look, version, listed: bool) -> None:
    version.group(home / "a.zarr", {"bioformats2raw.layout": 3})
    for name in ("0", "1"):
        make_image(home / "a.zarr" / name, version)
    if listed:
        version.group(home / "a.zarr/OME", {"series": ["0", "1"]})
    make(home, "a.zarr/OME/METADATA.ome.xml", content=b"<OME><TiffData/></OME>")

    found = look()

    assert (len(found.filesets), found.refused) == (1, ())


def test_two_of_them_stay_apart(home: Path, look: Look) -> None:
    make_image(home / "a.zarr", Version04)
    make_image(home / "b.zarr", Version05)

    assert [each[0] for each in sets(look(), home)] == ["a.zarr/.zattrs", "b.zarr/zarr.json"]


@VERSIONS
@pytest.mark.parametrize("lost", ["A/1/0/1/{array}", "A/1/0/{metadata}", "A/1/{metadata}"])
def test_what_the_metadata_names_in_vain_is_said(home: Path, look: Look, version, lost: str) -> None:
    make_plate(home / "p.zarr", version)
    lost = lost.format(array=version.array, metadata=version.metadata)
    (home / "p.zarr" / lost).unlink()

    found = look()

    assert refusals(found, home) == [("source-incomplete", "p.zarr")]
    assert lost in found.refused[0].what


def test_a_listed_image_that_is_missing_is_said(home: Path, look: Look) -> None:
    Version04.group(home / "a.zarr", {"bioformats2raw.layout": 3})
    Version04.group(home / "a.zarr/OME", {"series": ["0"]})

    assert "0/.zattrs" in look().refused[0].what


def test_chunks_may_be_missing(home: Path, look: Look) -> None:
    make_image(home / "a.zarr", Version04)
    (home / "a.zarr/0/0/0/0").unlink()

    assert look().refused == ()


@pytest.mark.parametrize(
    ("folder", "metadata", "expected"),
    [
        ("plain", PYRAMID, ("nothing-importable", "plain")),
        ("a.zarr", {}, ("nothing-importable", "a.zarr")),
        ("a.zarr", {"multiscales": [{"datasets": [{}]}]}, ("source-broken", "a.zarr")),
        ("a.zarr", {"plate": 5}, ("source-broken", "a.zarr")),
        ("a.zarr", [], ("source-broken", "a.zarr/.zattrs")),
        ("a.zarr", "[" * 100_000, ("source-broken", "a.zarr/.zattrs")),
    ],
    ids=["a name without .zarr", "no image", "no path", "no plate", "a list", "a deep list"],
)
def test_what_omero_would_not_know_is_refused(
    home: Path, look: Look, folder: str, metadata: object, expected: tuple[str, str]
) -> None:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    make(home / folder, ".zattrs", content=text.encode())
    make(home / folder, "0/.zarray", "1/.zarray", "0/0.tif")

    assert refusals(look(), home) == [expected]


def test_without_metadata_it_is_refused(home: Path, look: Look) -> None:
    make(home, "a.zarr/0/0.tif")

    found = look()

    assert refusals(found, home) == [("source-incomplete", "a.zarr")]
    assert ".zattrs" in found.refused[0].what


def test_links_in_a_circle_end(home: Path, look: Look) -> None:
    make_image(home / "a.zarr", Version04)
    (home / "a.zarr/0/again").symlink_to(home / "a.zarr")

    assert len(look().filesets[0].files) == 7


def test_links_that_lead_elsewhere_are_refused(home: Path, look: Look) -> None:
    make_image(home / "a.zarr", Version04)
    (home / "a.zarr/0/out").symlink_to(home.parent / "bob")

    found = look()

    assert not found.filesets
    assert refusals(found, home) == [("source-not-allowed", "a.zarr/0/out")]
