"""Real files of many formats, from the disk into an OMERO: as many images, and as large, as Bio-Formats says."""

from pathlib import Path

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import ImportRefused
from flows.core.omero_client import ImportDetails, import_fileset
from flows.core.requests import StagedFile, StagedFileset
from flows.core.settings import Root, Verification
from flows.core.verify import Access, expand, verify_fileset
from tests.support.bioformats import needs_bioformats
from tests.support.real_files import FOLDER, Row, needs_real_files, rows, unpack

pytestmark = [
    pytest.mark.contract,
    needs_bioformats,
    needs_real_files,
]
PYRAMIDS = {"ome-tiff-single/test_pyramid.ome.tif": 1}
"""What OMERO takes for one image of several resolutions, where the table counts each of these."""
QUICK = Verification(settle_seconds=0)


ROWS = [row for row in rows() if row.is_whole]
FEW = (
    "czi/100x100.czi",
    "dv/tinyTest.d3d.dv",
    "ics/libics-testim/testim.ics",
    "oif/Cell 1 mitoEGFP.oif",
    "svs/small.svs",
)


@pytest.fixture
def bring(session, run_key, tmp_path):
    """Import what a path stands for, as a run would."""

    def bring(path: Path, home: Path):
        access = Access(user="alice", groups=(), roots={"here": Root(path=home, everyone=True)})
        (fileset,) = expand([str(path)], access=access, settings=QUICK).filesets
        seen = verify_fileset(fileset, access=access, settings=QUICK).fileset
        files = tuple(StagedFile(path=each.path, client_path=each.client_path, size=each.size) for each in seen.files)
        return import_fileset(
            session,
            StagedFileset(fileset=seen, files=files, staged=False),
            target=None,
            details=ImportDetails(),
            control=Uncontrolled(),
            run_key=run_key,
        )

    return bring


def images_of(row: Row) -> int:
    return PYRAMIDS.get(row.entry, row.series)


def check(row: Row, bring, folder: Path) -> None:
    path, home = FOLDER / row.entry, FOLDER
    if not path.exists():
        home = folder
        for packed in path.parent.glob("*.gz"):
            unpack(packed, folder)
        path = folder / path.name

    imported = bring(path, home)

    first = imported.images[0]
    size = ",".join(str(each) for each in (first.size_x, first.size_y, first.size_z, first.size_t, first.size_c))
    assert (len(imported.images), size) == (images_of(row), row.size)


@pytest.mark.parametrize("row", [row for row in ROWS if row.entry in FEW], ids=lambda row: row.entry)
def test_a_real_file_becomes_what_bio_formats_says(row: Row, bring, tmp_path) -> None:
    check(row, bring, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("row", [row for row in ROWS if row.entry not in FEW], ids=lambda row: row.entry)
def test_each_real_file_becomes_what_bio_formats_says(row: Row, bring, tmp_path) -> None:
    check(row, bring, tmp_path)


@pytest.mark.parametrize(
    ("name", "size"), [("coins", (640, 480, 1)), ("hcs_example_v04", (5120, 2160, 2))], ids=["several", "a plate"]
)
def test_a_real_ome_zarr_becomes_its_images(name: str, size: tuple[int, ...], bring) -> None:
    """Not in the table: an OMERO reads it with a reader that is not part of Bio-Formats."""
    imported = bring(FOLDER / "ome-zarr" / f"{name}.ome.zarr", FOLDER)

    assert [(each.size_x, each.size_y, each.size_z) for each in imported.images] == [size]


def test_a_file_that_breaks_off_is_refused_when_its_pixels_are_read(session, stage, run_key) -> None:
    """Our own look into it is left out: this is what OMERO says."""
    staged = stage(FOLDER / "broken" / "truncated60.czi")

    with pytest.raises(ImportRefused):
        import_fileset(session, staged, target=None, details=ImportDetails(), control=Uncontrolled(), run_key=run_key)


def test_what_nobody_reads_is_refused(session, stage, run_key, tmp_path) -> None:
    unknown = tmp_path / "made.up"
    unknown.write_bytes(b"\x07nothing at all")

    with pytest.raises(ImportRefused):
        import_fileset(
            session, stage(unknown), target=None, details=ImportDetails(), control=Uncontrolled(), run_key=run_key
        )
