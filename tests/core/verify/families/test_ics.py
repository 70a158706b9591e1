"""ICS headers and their pixels."""

from pathlib import Path

import pytest

from flows.core.errors import SourceIncomplete
from flows.core.settings import Verification
from flows.core.verify import Access, verify_fileset
from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

HEADER = b"\t\nics_version\t%s\nlayout\tsizes\t16\t4\t3\nrepresentation\tcompression\t%s\nend\n"


def make_pair(folder: Path, header: str, pixels: str, *, size: int = 24, compression: bytes = b"uncompressed") -> None:
    make(folder, header, content=HEADER % (b"1.0", compression))
    make(folder, pixels, content=b"x" * size)


@pytest.mark.parametrize("source", [".", "a.ics", "a.ids"])
def test_header_and_pixels_are_one_set(home: Path, look: Look, sound, source: str) -> None:
    make_pair(home, "a.ics", "a.ids")

    found = look(source)

    assert (sets(found, home), found.refused) == ([["a.ics", "a.ids"]], ())
    assert [each.reader for each in found.filesets] == ["loci.formats.in.ICSReader"]
    assert sound(found) == ["Image Cytometry Standard"]


def test_two_pairs_in_one_folder_stay_apart(home: Path, look: Look) -> None:
    make_pair(home, "a.ics", "a.ids")
    make_pair(home, "B.ICS", "B.IDS")

    assert sets(look(), home) == [["B.ICS", "B.IDS"], ["a.ics", "a.ids"]]


def test_from_version_two_on_the_header_is_all(home: Path, look: Look, sound) -> None:
    make(home, "a.ics", content=HEADER % (b"2.0", b"uncompressed"))
    make(home, "a.ids")

    found = look()

    assert (sets(found, home), found.refused) == ([["a.ics"]], ())
    assert sound(found) == ["Image Cytometry Standard"]


@pytest.mark.parametrize(("there", "lacking"), [("a.ics", "a.ids"), ("a.ids", "a.ics"), ("A.ICS", "A.IDS")])
@pytest.mark.parametrize("named", [True, False])
def test_half_a_pair_is_refused(home: Path, look: Look, there: str, lacking: str, named: bool) -> None:
    make(home, there, content=HEADER % (b"1.0", b"gzip"))

    found = look(there if named else ".")

    assert refusals(found, home) == [("source-incomplete", there)]
    assert lacking in found.refused[0].what


def test_capitals_that_differ_are_said(home: Path, look: Look) -> None:
    make_pair(home, "a.ics", "a.IDS")

    refused = look("a.ics").refused[0]

    assert "a.ids" in refused.what
    assert "a.IDS" in refused.advice


def test_too_few_pixels_are_refused(home: Path, look: Look, access: Access) -> None:
    make_pair(home, "a.ics", "a.ids", size=23)
    (fileset,) = look().filesets

    with pytest.raises(SourceIncomplete, match="23 bytes of pixels"):
        verify_fileset(fileset, access=access, settings=Verification(settle_seconds=0))


def test_compressed_pixels_may_be_few(home: Path, look: Look, sound) -> None:
    make_pair(home, "a.ics", "a.ids", size=5, compression=b"gzip")

    assert sound(look()) == ["Image Cytometry Standard"]
