"""What the made-up images hold."""

from pathlib import Path

import ome_types
import pytest
import tifffile

from deployments.sandbox.images import (
    make_empty,
    make_large_ome_tiff,
    make_ome_tiff,
    make_small_ome_tiff,
    make_text,
    make_tiff,
    make_truncated,
)


def test_an_ome_tiff_has_the_asked_for_dimensions(tmp_path: Path) -> None:
    path = make_ome_tiff(tmp_path / "a.ome.tiff", channels=("DAPI", "GFP", "RFP"), z=4, t=2, size=(48, 64))

    with tifffile.TiffFile(path) as tiff:
        assert (tiff.series[0].axes, tiff.series[0].shape) == ("TCZYX", (2, 3, 4, 48, 64))
        assert tiff.series[0].dtype == "uint16"


def test_its_ome_xml_names_channels_and_physical_sizes(tmp_path: Path) -> None:
    path = make_ome_tiff(tmp_path / "a.ome.tiff", channels=("DAPI", "GFP"), size=(32, 32), pixel_size_um=0.25)

    pixels = ome_types.from_tiff(path).images[0].pixels

    assert [channel.name for channel in pixels.channels] == ["DAPI", "GFP"]
    assert (pixels.physical_size_x, pixels.physical_size_y, pixels.physical_size_z) == (0.25, 0.25, 1.25)
    assert pixels.physical_size_x_unit.value == "µm"


def test_cells_stand_out_of_the_noise(tmp_path: Path) -> None:
    pixels = tifffile.imread(make_small_ome_tiff(tmp_path / "a.ome.tiff"))

    assert pixels.max() > 5 * pixels.min() > 0


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()

    once = make_small_ome_tiff(tmp_path / "a.ome.tiff", seed=0).read_bytes()
    again = make_small_ome_tiff(tmp_path / "b/a.ome.tiff", seed=0).read_bytes()
    other = make_small_ome_tiff(tmp_path / "a.ome.tiff", seed=1).read_bytes()
    elsewhere = [make_small_ome_tiff(tmp_path / name / "a.ome.tiff").read_bytes() for name in ("", "b")]

    assert once == again != other
    assert elsewhere[0] != elsewhere[1]


@pytest.mark.parametrize("at_least", [1, 50_000_000], ids=["one time point", "several"])
def test_a_large_one_is_as_large_as_asked_for(tmp_path: Path, at_least: int) -> None:
    path = make_large_ome_tiff(tmp_path / "large.ome.tiff", at_least=at_least)

    assert at_least <= path.stat().st_size < at_least + 25_000_000


def test_a_small_one_is_small(tmp_path: Path) -> None:
    assert make_small_ome_tiff(tmp_path / "a.ome.tiff").stat().st_size < 1_000_000


def test_a_plain_tiff_has_no_metadata(tmp_path: Path) -> None:
    with tifffile.TiffFile(make_tiff(tmp_path / "a.tif", pages=3)) as tiff:
        assert len(tiff.pages) == 3
        assert not tiff.is_ome
        assert not tiff.pages.first.description


def test_the_broken_ones_are_broken(tmp_path: Path) -> None:
    whole = make_small_ome_tiff(tmp_path / "whole.ome.tif").stat().st_size

    assert make_truncated(tmp_path / "half.ome.tif").stat().st_size == pytest.approx(whole / 2, rel=0.01)
    assert make_empty(tmp_path / "empty.tif").stat().st_size == 0
    with pytest.raises(tifffile.TiffFileError):
        tifffile.TiffFile(make_text(tmp_path / "text.tif"))
