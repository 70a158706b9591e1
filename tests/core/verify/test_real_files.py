"""The verify stage against real files, and against what Bio-Formats says of them."""

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.core.errors import CourierError
from flows.core.settings import Root, Verification
from flows.core.verify import Access, expand, verify_fileset

FOLDER = Path(os.environ.get("REALDATA_TEST_DIR", Path(__file__).parents[4] / "shared" / "realdata"))
"""Small real files of many formats, with a table of what Bio-Formats says of each (`showinf -nopix`)."""
QUICK = Verification(settle_seconds=0)
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there; REALDATA_TEST_DIR names it")


def entries() -> Iterator[tuple[str, int]]:
    """Each entry point with the number of files that Bio-Formats uses; it writes 0 for one."""
    if FOLDER.is_dir():
        with (FOLDER / "BIOFORMATS.tsv").open(encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                yield row["entry"], max(1, int(row["used_files(0=self only)"] or 0))


@pytest.fixture
def verdict():
    """Say what becomes of a path: a format's name, or a failure's code."""

    def judge(path: Path) -> str:
        access = Access(user="alice", groups=(), roots={"here": Root(path=path.parent, everyone=True)})
        found = expand([str(path)], access=access, settings=QUICK)
        if found.refused:
            return found.refused[0].code
        try:
            return verify_fileset(found.filesets[0], access=access, settings=QUICK).format
        except CourierError as refused:
            return refused.code

    return judge


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Micro-Manager stacks, which are kept compressed."""
    folder = tmp_path_factory.mktemp("micromanager")
    for packed in (FOLDER / "micromanager" / "mm14-4pos-stack").glob("*.gz"):
        (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.mark.parametrize("entry", [entry for entry, files in entries() if files > 1])
def test_no_part_of_a_set_slips_through(unpacked: Path, verdict, entry: str) -> None:
    there = FOLDER / entry
    path = there if there.exists() else unpacked / there.name

    assert verdict(path) == "source-incomplete"


@pytest.mark.parametrize(
    "entry",
    [entry for entry, files in entries() if files == 1 and not entry.startswith(("broken/", "dicom/", "ome-zarr/"))],
)
def test_a_whole_file_is_accepted(verdict, entry: str) -> None:
    assert not verdict(FOLDER / entry).startswith("source-")


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
def test_a_broken_file_is_refused(verdict, entry: str, code: str) -> None:
    assert verdict(FOLDER / "broken" / entry) == code


def test_a_folder_of_everything_offers_single_files_only() -> None:
    access = Access(user="alice", groups=(), roots={"here": Root(path=FOLDER, everyone=True)})
    files_used = dict(entries())

    found = expand([str(FOLDER)], access=access, settings=QUICK)

    offered = {str(Path(each.files[0].path).relative_to(FOLDER)) for each in found.filesets}
    assert len(offered) > 20
    assert {entry for entry in offered if files_used.get(entry, 1) > 1} == set()
