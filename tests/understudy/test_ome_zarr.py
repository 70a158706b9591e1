"""What the stand-in makes of an OME-Zarr, version 0.4 and 0.5: its images, and where their pixels are."""

import json
from pathlib import Path

import numpy as np
import pytest

from deployments.sandbox.plates import make_zarr_image, make_zarr_plate
from deployments.sandbox.understudy.pixels import BrokenFile, many_files_of, read_file
from deployments.sandbox.understudy.zarr_array import ZarrArray
from tests.support.real_files import FOLDER, needs_real_files

VERSIONS = pytest.mark.parametrize("version", ["0.4", "0.5"])
PIXELS = np.arange(2 * 3 * 5 * 7, dtype="<u2").reshape(2, 3, 5, 7)
NAMED = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
    'DimensionOrder="XYZCT" Type="uint16" SizeX="1" SizeY="1" SizeZ="1" SizeC="2" SizeT="1" PhysicalSizeX="0.5">'
    '<Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1" Name="GFP"/><MetadataOnly/>'
    "</Pixels></Image></OME>"
)


def opener(folder: Path, version: str) -> Path:
    return folder / (".zattrs" if version == "0.4" else "zarr.json")


def tell(folder: Path, version: str, **attributes: object) -> Path:
    """Write what a group says, and return where."""
    folder.mkdir(exist_ok=True)
    told = attributes if version == "0.4" else {"node_type": "group", "attributes": {"ome": attributes}}
    opener(folder, version).write_text(json.dumps(told))
    return opener(folder, version)


@VERSIONS
def test_an_image_is_as_large_as_its_first_array(tmp_path: Path, version: str) -> None:
    make_zarr_image(tmp_path, PIXELS, axes="tcyx", version=version)

    (image,) = read_file(opener(tmp_path, version)).images

    assert (image.size_x, image.size_y, image.size_z, image.size_c, image.size_t) == (7, 5, 1, 3, 2)
    assert (image.name, image.pixel_type, image.dimension_order, image.reader) == ("0", "uint16", "XYCTZ", "Zarr")
    assert len(image.channels) == 3


@VERSIONS
@pytest.mark.parametrize("listed", [["10", "2"], None])
def test_several_images_come_as_listed_or_by_number(tmp_path: Path, version: str, listed: list[str] | None) -> None:
    root = tell(tmp_path, version, **{"bioformats2raw.layout": 3})
    for name in ("10", "2"):
        make_zarr_image(tmp_path / name, PIXELS[int(name == "2")], axes="zyx", version=version)
    if listed:
        tell(tmp_path / "OME", version, series=listed)

    images = read_file(root).images

    assert [image.name for image in images] == (["10/0", "2/0"] if listed else ["2/0", "10/0"])
    assert [image.size_z for image in images] == [3, 3]


@VERSIONS
def test_ome_xml_says_more_of_the_images(tmp_path: Path, version: str) -> None:
    root = tell(tmp_path, version, **{"bioformats2raw.layout": 3})
    make_zarr_image(tmp_path / "0", PIXELS[:, 0], version=version)
    (tmp_path / "OME").mkdir()
    (tmp_path / "OME/METADATA.ome.xml").write_text(NAMED)

    (image,) = read_file(root).images

    assert [channel.name for channel in image.channels] == ["DAPI", "GFP"]
    assert image.physical_sizes == ((0.5, "MICROMETER"), None, None)
    assert (image.size_x, image.size_y) == (7, 5)


@VERSIONS
def test_a_plate_has_wells_where_it_says_so(tmp_path: Path, version: str) -> None:
    folder = make_zarr_plate(tmp_path / "p.zarr", wells=("C2", "H12"), fields=1, version=version)

    seen = read_file(opener(folder, version))

    assert [image.name for image in seen.images] == ["C/2/0/0", "H/12/0/0"]
    assert [(well.row, well.column, well.fields) for well in seen.plate.wells] == [(0, 0, (0,)), (1, 1, (1,))]


@VERSIONS
@pytest.mark.parametrize("told", [{}, {"multiscales": []}, {"multiscales": [{"datasets": [{"path": "gone"}]}]}])
def test_what_names_no_image_is_broken(tmp_path: Path, version: str, told: dict[str, object]) -> None:
    with pytest.raises(BrokenFile):
        read_file(tell(tmp_path, version, **told))


@VERSIONS
def test_each_plane_is_found_by_its_axes(tmp_path: Path, version: str) -> None:
    make_zarr_image(tmp_path, PIXELS, axes="tcyx", version=version)

    ((_, planes),) = many_files_of(opener(tmp_path, version)).images

    for t, c in np.ndindex(2, 3):
        assert np.array_equal(planes.plane(0, c, t), PIXELS[t, c])
    with pytest.raises(LookupError):
        planes.plane(0, 3, 0)


@needs_real_files
def test_a_real_image_of_bioformats2raw_is_read_in_all_sizes() -> None:
    folder = FOLDER / "ome-zarr" / "coins.ome.zarr"

    (image,) = read_file(folder / ".zattrs").images
    large, middle, small = (ZarrArray.at(folder / "0" / size).plane((0, 0, 0)) for size in "012")

    assert (image.name, image.size_x, image.size_y, image.pixel_type) == ("0/0", 640, 480, "uint8")
    assert [channel.colour for channel in image.channels] == [(255, 255, 255, 255)]
    # Each size is every second pixel of the one before.
    assert np.array_equal(middle, large[::2, ::2])
    assert np.array_equal(small, middle[::2, ::2])
    assert large.std() > 10


@needs_real_files
def test_a_real_plate_without_chunks_is_read() -> None:
    folder = FOLDER / "ome-zarr" / "hcs_example_v04.ome.zarr"

    seen = read_file(folder / ".zattrs")

    assert [(image.name, image.size_x, image.size_y, image.size_z) for image in seen.images] == [
        ("B/03/0/0", 5120, 2160, 2)
    ]
    assert [(well.row, well.column) for well in seen.plate.wells] == [(0, 0)]
    assert seen.missing_pixels == ""
