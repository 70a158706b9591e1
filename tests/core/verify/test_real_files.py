"""The verify stage against real files, and against what Bio-Formats says of them."""

from pathlib import Path

import pytest

from flows.core.bioformats import BioFormats as Asked
from flows.core.errors import CourierError, SourceError
from flows.core.settings import BioFormats, Root, Verification
from flows.core.verify import Access, Expansion, expand, verify_fileset
from flows.core.verify.families import family_of
from tests.support.bioformats import needs_bioformats
from tests.support.real_files import FOLDER, Row, needs_real_files, rows, unpack

PROJECT = Path(__file__).parents[3]
QUICK = Verification(settle_seconds=0, bioformats=BioFormats(enabled=False))
"""Our own rules are tried here, and settled files."""
pytestmark = needs_real_files


STACK = "1.4compatTest_3_MMStack_1-Pos_"
OPENS = {
    f"micromanager/mm14-4pos-stack/{STACK}000_001.ome.tif": f"{STACK}000_000.ome.tif",
    "dicom/dicomdir/77654033/CT2/17106": "17106",
    "dicom/dicomdir/DICOMDIR": "DICOMDIR",
    "ics/chromo3d/chromo3d.ics": "chromo3d.ics",
    "ics/libics-testim/testim.ics": "testim.ics",
    "operetta/operetta_plate/Images/Index.idx.xml": "Index.idx.xml",
    "operetta/operetta_plate/Images/r03c03f01p01-ch1sk1fk1fl1.tiff": "Index.idx.xml",
    "oif/Cell 1 mitoEGFP.oif": "Cell 1 mitoEGFP.oif",
    "vsi/_vsi-ets-test-jpg2k_/stack1/frame_t_0.ets": "vsi-ets-test-jpg2k.vsi",
    "vsi/vsi-ets-test-jpg2k.vsi": "vsi-ets-test-jpg2k.vsi",
    "ome-tiff-multi/companion-5Z/multifile-Z3.ome.tiff": "multifile.companion.ome",
    "ome-tiff-multi/companion-5Z/multifile.companion.ome": "multifile.companion.ome",
}
"""What Bio-Formats reads first when it is given a file of a set (mostly `getCurrentFile`)."""
READERS = {
    "Aperio SVS": "SVSReader",
    "CellSens VSI": "CellSensReader",
    "DICOM": "DicomReader",
    "Deltavision": "DeltavisionReader",
    "Image Cytometry Standard": "ICSReader",
    "Leica Image File Format": "LIFReader",
    "Nikon ND2": "ND2Reader",
    "OME-TIFF": "OMETiffReader",
    "Olympus FV1000": "FV1000Reader",
    "PerkinElmer Operetta": "OperettaReader",
    "Tagged Image File Format": "TiffDelegateReader",
    "Zeiss CZI": "ZeissCZIReader",
}
"""Bio-Formats' name of a format: the class of the reader that has it."""
OUR_NAMES = {"Deltavision": "DeltaVision", "Leica Image File Format": "Leica LIF", "Tagged Image File Format": "TIFF"}
"""Where we call it otherwise."""


def look(path: Path) -> tuple[Expansion, Access]:
    access = Access(
        user="alice",
        groups=(),
        roots={"here": Root(path=FOLDER if path.is_relative_to(FOLDER) else path.parent, everyone=True)},
    )
    return expand([str(path)], access=access, settings=QUICK), access


def verified(path: Path) -> tuple[str, str | None]:
    """Say what becomes of a path: a format's name, or a failure's code; and which reader takes it."""
    found, access = look(path)
    if found.refused:
        return found.refused[0].code, None
    try:
        seen = verify_fileset(found.filesets[0], access=access, settings=QUICK)
    except CourierError as refused:
        return refused.code, None
    return seen.format, seen.fileset.reader


def verdict(path: Path) -> str:
    return verified(path)[0]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Micro-Manager stacks, which are kept compressed."""
    folder = tmp_path_factory.mktemp("micromanager")
    for packed in (FOLDER / "micromanager" / "mm14-4pos-stack").glob("*.gz"):
        unpack(packed, folder)
    return folder


ROWS = rows()
SETS = [row for row in ROWS if row.files > 1]
NO_READER = frozenset({"ome-zarr/coins.ome.zarr/.zattrs"})
"""That Bio-Formats had no reader for them; OMERO has one where it is installed."""
HEADING = "## Held against real files"


def place(row: Row, unpacked: Path) -> Path:
    there = FOLDER / row.entry
    return there if there.exists() else unpacked / there.name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.entry)
def test_our_rules_agree_with_each_row(unpacked: Path, row: Row) -> None:
    path = place(row, unpacked)

    found = look(path)[0]
    said, reader = verified(path)

    if row.is_whole:
        assert [len(each.files) for each in found.filesets] == [row.files]
        assert said == OUR_NAMES.get(row.reader, row.reader)
        assert reader == f"loci.formats.in.{READERS[row.reader]}"
    elif row.entry in NO_READER:
        assert (said, reader) == ("OME-Zarr", "loci.formats.in.ZarrReader")
    else:
        assert said.startswith("source-")


@needs_bioformats
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.entry)
def test_bio_formats_as_it_is_installed_agrees_with_each_row(bioformats: Asked, unpacked: Path, row: Row) -> None:
    path = place(row, unpacked)
    try:
        found = bioformats.group(str(path))
    except SourceError:
        found = None

    if row.series == 0:
        assert found is None
    else:
        assert found is not None
        assert (found.format, found.resolutions, len(found.files)) == (row.reader, row.series, row.files)
        assert found.reader == f"loci.formats.in.{READERS[row.reader]}"
        if row.entry in OPENS and not row.entry.endswith(".ets"):
            assert Path(found.files[0]).name == OPENS[row.entry]


def test_the_table_in_the_docs_says_what_comes_out(unpacked: Path) -> None:
    page = (PROJECT / "docs" / "filesets.md").read_text(encoding="utf-8")

    assert HEADING in page
    shown = [line for line in page.partition(HEADING)[2].splitlines() if line.startswith("|")]
    assert shown == table(unpacked)


def table(unpacked: Path) -> list[str]:
    """The table, line by line, as the page has it."""
    lines = ["| file | Bio-Formats | files | the courier | files |", "|---|---|---|---|---|"]
    for row in ROWS:
        path = place(row, unpacked)
        found = look(path)[0].filesets
        theirs = (row.reader, str(row.files)) if row.series else (f"{row.reader or 'unknown format'}: fails", "")
        ours = verdict(path)
        count = str(len(found[0].files)) if found and not ours.startswith("source-") else ""
        ours = f"refused: `{ours}`" if ours.startswith("source-") else ours
        lines.append(f"| `{row.entry}` | {theirs[0]} | {theirs[1]} | {ours} | {count} |".replace("|  |", "| |"))
    return lines


@pytest.mark.parametrize("row", SETS, ids=lambda row: row.entry)
def test_a_set_is_what_bio_formats_makes_of_it(unpacked: Path, row: Row) -> None:
    path = place(row, unpacked)

    (fileset,) = look(path)[0].filesets

    assert (len(fileset.files), fileset.name) == (row.files, OPENS[row.entry])
    assert (family_of(fileset.reader), verdict(path)) == (row.reader, row.reader)


def test_every_set_of_the_table_has_a_rule() -> None:
    assert {row.entry for row in SETS} == OPENS.keys()


@pytest.mark.parametrize("name", ["coins", "hcs_example_v04"])
def test_an_ome_zarr_is_all_files_of_its_folder(name: str) -> None:
    folder = FOLDER / "ome-zarr" / f"{name}.ome.zarr"

    (fileset,) = look(folder)[0].filesets

    held = {str(path) for path in folder.rglob("*") if path.is_file()}
    assert {file.path for file in fileset.files} == held
    assert fileset.files[0].path == f"{folder}/.zattrs"
    assert verdict(folder) == "OME-Zarr"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("companion-missing-tiffs/c3_z33.companion.ome", "source-incomplete"),
        ("git-lfs-pointer.czi", "source-broken"),
        ("ics-without-ids/testim.ics", "source-incomplete"),
        ("oif-without-files/Cell 1 mitoEGFP.oif", "source-incomplete"),
        ("operetta-index-only/Index.idx.xml", "source-incomplete"),
        ("text-named.tif", "source-broken"),
        ("truncated50.ome.tif", "source-broken"),
        ("truncated50.tif", "source-broken"),
        ("truncated60.czi", "source-broken"),
        ("zero-byte.tif", "source-empty"),
    ],
)
def test_a_broken_file_is_refused(entry: str, code: str) -> None:
    assert verdict(FOLDER / "broken" / entry) == code


def test_a_folder_of_everything_offers_single_files_and_whole_sets() -> None:
    found, _ = look(FOLDER)

    files = {str(Path(each.files[0].path).relative_to(FOLDER)): len(each.files) for each in found.filesets}
    known = [row for row in ROWS if not row.entry.startswith("ome-zarr/")]
    assert len(files) > 20
    assert {row.entry for row in known if files.get(row.entry, row.files) != row.files} == set()
