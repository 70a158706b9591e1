"""Files that are parts of something that we cannot put together are told as such."""

from pathlib import Path

import pytest

from flows.core.settings import BioFormats, Verification
from flows.core.verify import Access, expand

ALONE = Verification(bioformats=BioFormats(enabled=False))


def expanded(folder: Path, access: Access, *names: str):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return expand([str(folder)], access=access, settings=ALONE)


@pytest.mark.parametrize(
    "names",
    [
        ("plate.xdce", "A01.tif"),
        ("plate.HTD", "plate_A01.TIF"),
        ("time.nd", "time_w1.STK"),
        ("scan.lsm", "scan.mdb"),
        ("big.czi", "big(1).czi"),
        ("a.r3d", "a.r3d.log"),
        ("a_D3D.dv", "a.dv.log"),
        ("a.oir", "a_00001"),
        ("001001.flex",),
        ("experiment_descriptor.xml", "data/A1.tif"),
        ("Well0001/mode1_z000_t000_im0_0.tif",),
        ("mosaic.tif", "mosaic.tif_meta.xml"),
    ],
    ids=lambda names: names[0],
)
def test_a_set_is_refused_once_and_nothing_of_it_slips_through(
    home: Path, access: Access, names: tuple[str, ...]
) -> None:
    found = expanded(home / "set", access, *names)

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "cannot put together" in found.refused[0].what


def test_a_folder_that_is_a_set_is_one_refusal(home: Path, access: Access) -> None:
    found = expanded(home, access, "run.sldy/run.dir/ImageData.npy", "run.sldy/a.tif")

    assert [(each.code, each.which) for each in found.refused] == [("source-incomplete", f"{home}/run.sldy")]


@pytest.mark.parametrize(
    "names",
    [
        ("a.tif", "notes.txt", "b.tif"),
        ("a.czi", "b(1).czi"),
        ("copy (2).czi",),
        ("a.dv", "b.log"),
        ("slice_001.tif", "slice_002.tif"),
        ("a.ome.tif", "acquisition.xml"),
    ],
    ids=lambda names: names[0],
)
def test_files_that_only_lie_together_are_imported_each(home: Path, access: Access, names: tuple[str, ...]) -> None:
    found = expanded(home / "day", access, *names)

    assert not found.refused
    assert len(found.filesets) == sum(not name.endswith((".txt", ".log", ".xml")) for name in names)


def test_a_part_named_by_itself_is_refused_by_name(home: Path, access: Access) -> None:
    expanded(home, access, "a.czi", "a(1).czi")

    found = expand([f"{home}/a(1).czi"], access=access, settings=ALONE)

    assert [(each.code, each.which) for each in found.refused] == [("source-incomplete", f"{home}/a(1).czi")]


def test_two_sets_in_two_folders_are_two_refusals(home: Path, access: Access) -> None:
    found = expanded(home, access, "1/a.htd", "1/a.tif", "2/a.htd", "2/a.tif")

    assert [each.which for each in found.refused] == [f"{home}/1", f"{home}/2"]
    assert all("2 files here" in each.what for each in found.refused)
