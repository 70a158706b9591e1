"""What the stand-in makes of files that belong together."""

from pathlib import Path

import pytest

from deployments.sandbox.images import make_ome_tiff_set, make_small_ome_tiff
from deployments.sandbox.understudy.ome_sets import ome_set_of
from deployments.sandbox.understudy.pixels import BrokenFile, read_file
from deployments.sandbox.understudy.templates import kept_paths


@pytest.mark.parametrize("metadata", ["companion", "first", "each"])
def test_any_file_of_a_set_stands_for_all_its_planes(tmp_path: Path, metadata: str) -> None:
    for file in make_ome_tiff_set(tmp_path, metadata=metadata):
        (image,) = read_file(file).images

        assert (image.size_z, image.size_c, image.size_t) == (3, 2, 1)
        assert [channel.name for channel in image.channels] == ["DAPI", "GFP"]
        assert ome_set_of(file).place(0, z=2, c=1, t=0) == (tmp_path / "cells_GFP.ome.tif", 2)


def test_a_plane_that_no_file_holds_is_said(tmp_path: Path) -> None:
    first, *_ = make_ome_tiff_set(tmp_path)

    with pytest.raises(LookupError, match="z=3"):
        ome_set_of(first).place(0, z=3, c=0, t=0)


def test_a_file_that_is_missing_breaks_the_set(tmp_path: Path) -> None:
    first, *_, last = make_ome_tiff_set(tmp_path)
    last.unlink()

    with pytest.raises(BrokenFile, match=r"cells_GFP\.ome\.tif"):
        read_file(first)


def test_pixels_that_are_missing_in_another_file_are_seen(tmp_path: Path) -> None:
    first, *_, last = make_ome_tiff_set(tmp_path)
    last.write_bytes(last.read_bytes()[:-1])

    assert "cells_GFP.ome.tif ends" in read_file(first).missing_pixels


def test_a_single_file_is_no_set(tmp_path: Path) -> None:
    assert ome_set_of(make_small_ome_tiff(tmp_path / "a.ome.tif")) is None


@pytest.mark.parametrize(
    ("reader", "files", "kept"),
    [
        (None, ["a.ics", "a.ids"], ("b/c/d", ["a.ics", "a.ids"])),
        ("unheard.of.Reader", ["a.ics", "a.ids"], ("b/c/d", ["a.ics", "a.ids"])),
        ("loci.formats.in.ICSReader", ["a.ics", "a.ids"], ("", ["a.ics", "a.ids"])),
        ("loci.formats.in.OMETiffReader", ["a.companion.ome", "x/y.tif"], ("d", ["a.companion.ome", "x/y.tif"])),
        ("loci.formats.in.OperettaReader", ["Images/Index.xml", "n.xml"], ("d", ["Images/Index.xml", "n.xml"])),
        ("loci.formats.in.ZarrReader", ["a.zarr/.zattrs", "a.zarr/0/.zarray"], ("a.zarr", [".zattrs", "0/.zarray"])),
        ("loci.formats.in.OMETiffReader", ["a.ome.tif"], ("", ["a.ome.tif"])),
        ("loci.formats.in.TiffDelegateReader", ["a.tif"], ("", ["a.tif"])),
        ("loci.formats.in.DicomReader", ["DICOMDIR", "CT/1"], ("d", ["DICOMDIR", "CT/1"])),
        ("loci.formats.in.DicomReader", ["1", "2"], ("", ["1", "2"])),
    ],
)
def test_the_reader_says_how_many_parents_are_kept(
    reader: str | None, files: list[str], kept: tuple[str, list[str]]
) -> None:
    assert kept_paths([f"/a/b/c/d/{file}" for file in files], reader) == kept
