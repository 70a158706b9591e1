"""What a look at a file finds out."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deployments.sandbox.images import make_small_ome_tiff, make_tiff, make_truncated
from flows.core.errors import CourierError
from flows.core.requests import VerifiedFileset
from flows.core.settings import Verification
from flows.core.verify import Access, expand, verify_fileset

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
OME = "<?xml version='1.0'?><OME xmlns='http://www.openmicroscopy.org/Schemas/OME/2016-06' {}>{}</OME>"
PIXELS = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


def verified(path: Path, access: Access, quick: Verification) -> VerifiedFileset:
    (fileset,) = expand([str(path)], access=access, settings=quick).filesets
    return verify_fileset(fileset, access=access, settings=quick)


@pytest.fixture
def look(access: Access, quick: Verification):
    """Verify one file, and return its format."""
    return lambda path: verified(path, access, quick).format


@pytest.fixture
def refusal(look):
    """Verify one file, and return why it is refused."""

    def refused(path: Path) -> CourierError:
        with pytest.raises(CourierError) as error:
            look(path)
        return error.value

    return refused


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": (16, 16)},
        {"rowsperstrip": 4},
        {"compression": "zlib", "rowsperstrip": 8},
    ],
    ids=["plain", "big-endian", "BigTIFF", "big-endian BigTIFF", "tiles", "strips", "compressed"],
)
def test_a_tiff_is_accepted_whole_and_refused_when_cut(home: Path, look, refusal, options: dict[str, object]) -> None:
    in_writer = {name: options.pop(name) for name in ("bigtiff", "byteorder") if name in options}
    with tifffile.TiffWriter(home / "a.tif", **in_writer) as tiff:
        for _ in range(3):
            tiff.write(PIXELS, metadata=None, **options)

    assert look(home / "a.tif") == "TIFF"
    for share in (0.99, 0.7, 0.4, 0.1):
        os.truncate(home / "a.tif", int((home / "a.tif").stat().st_size * share))
        assert refusal(home / "a.tif").code == "source-broken"


def test_a_pyramid_in_sub_tables_is_followed(home: Path, look, refusal) -> None:
    with tifffile.TiffWriter(home / "a.ome.tif") as tiff:
        tiff.write(PIXELS, subifds=2, metadata={"axes": "YX"})
        tiff.write(PIXELS[::2, ::2], subfiletype=1)
        tiff.write(PIXELS[::4, ::4], subfiletype=1)

    assert look(home / "a.ome.tif") == "OME-TIFF"
    os.truncate(home / "a.ome.tif", (home / "a.ome.tif").stat().st_size - 1)
    assert refusal(home / "a.ome.tif").code == "source-broken"


def test_an_lsm_may_overstate_its_last_strip_but_not_begin_it_beyond_the_end(home: Path, look, refusal) -> None:
    tifffile.imwrite(home / "a.lsm", PIXELS, metadata=None)
    with tifffile.TiffFile(home / "a.lsm") as tiff:
        first = tiff.pages.first.dataoffsets[0]

    os.truncate(home / "a.lsm", first + 100)
    assert look(home / "a.lsm") == "Zeiss LSM"
    os.truncate(home / "a.lsm", first)
    assert refusal(home / "a.lsm").code == "source-broken"


def test_an_ome_tiff_is_told_by_its_content_and_so_is_its_reader(
    home: Path, access: Access, quick: Verification
) -> None:
    make_small_ome_tiff(home / "a.tif")
    make_tiff(home / "b.ome.tif")

    seen = [verified(home / name, access, quick) for name in ("a.tif", "b.ome.tif")]

    assert [each.format for each in seen] == ["OME-TIFF", "TIFF"]
    assert [each.fileset.reader for each in seen] == [
        "loci.formats.in.OMETiffReader",
        "loci.formats.in.TiffDelegateReader",
    ]


@pytest.mark.parametrize("keep", [0.999, 0.9, 0.5, 0.1, 0.001])
def test_a_truncated_tiff_is_refused_by_name(home: Path, refusal, keep: float) -> None:
    error = refusal(make_truncated(home / "cells.ome.tif", keep=keep))

    assert (error.code, error.which) == ("source-broken", f"{home}/cells.ome.tif")
    assert error.transient is False
    assert error.advice


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tif", b"", ("source-empty", "empty")),
        ("a.tif", b"Not an image at all\n", ("source-broken", "is a text")),
        ("a.czi", LFS_POINTER, ("source-broken", "Git LFS pointer")),
        ("a.tif", LFS_POINTER, ("source-broken", "Git LFS pointer")),
        ("a.mov", LFS_POINTER, ("source-broken", "Git LFS pointer")),
        ("a.nd2", bytes(4096), ("source-broken", "begins with zeros")),
        ("a.tif", b"\x89PNG\r\n\x1a\n" + bytes(50), ("source-broken", "does not begin as such a file")),
        ("a.tif", b"II*\0\0\0\0\0", ("source-broken", "without a single page")),
        ("a.tif", b"II*\0\xff\xff\xff\x7f", ("source-broken", "cut off")),
        ("a.tif", b"II+\0\x08\0\0\0" + b"\xff" * 8, ("source-broken", "cut off")),
        ("a.tif", b"II\1", ("source-broken", "does not begin")),
        ("a.ome", b"<OME><Image><Pixels><TiffData/></Pixels></Image></OME>", ("source-incomplete", "other files")),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(
    home: Path, refusal, name: str, content: bytes, expected: tuple[str, str]
) -> None:
    (home / name).write_bytes(content)

    error = refusal(home / name)

    code, words = expected
    assert (error.code, error.which) == (code, f"{home}/{name}")
    assert words in error.what


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        ("UUID='urn:uuid:1'", "<BinaryOnly MetadataFile='other.companion.ome' UUID='urn:uuid:2'/>"),
        ("UUID='urn:uuid:1'", "<TiffData><UUID FileName='other.ome.tif'>urn:uuid:2</UUID></TiffData>"),
        ("", "<TiffData><UUID FileName='a.ome.tif'>u1</UUID></TiffData><UUID FileName='b.ome.tif'>u2</UUID>"),
    ],
    ids=["metadata elsewhere", "pixels elsewhere", "pixels here and elsewhere"],
)
def test_a_plain_name_hides_that_an_ome_tiff_has_other_files(
    home: Path, refusal, attributes: str, content: str
) -> None:
    tifffile.imwrite(home / "a.tif", PIXELS, description=OME.format(attributes, content), metadata=None)

    error = refusal(home / "a.tif")

    assert error.code == "source-incomplete"
    assert ".ome.tif" in error.advice


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        ("UUID='urn:uuid:1'", "<TiffData><UUID FileName='before.ome.tif'>urn:uuid:1</UUID></TiffData>"),
        ("", "<TiffData><UUID FileName='before.ome.tif'>urn:uuid:1</UUID></TiffData>"),
        ("", "<TiffData IFD='0'/>"),
    ],
    ids=["known by its UUID", "without a UUID", "without names"],
)
def test_a_renamed_ome_tiff_is_still_one_file(home: Path, look, attributes: str, content: str) -> None:
    tifffile.imwrite(home / "after.ome.tif", PIXELS, description=OME.format(attributes, content), metadata=None)

    assert look(home / "after.ome.tif") == "OME-TIFF"


@pytest.mark.parametrize(
    "xml", ["<OME><Image></OME>", "<!DOCTYPE x [<!ENTITY a 'b'>]><OME>&a;</OME>"], ids=["not well-formed", "entities"]
)
def test_ome_xml_that_cannot_be_read_is_refused(home: Path, refusal, xml: str) -> None:
    tifffile.imwrite(home / "a.ome.tif", PIXELS, description=xml, metadata=None)

    assert refusal(home / "a.ome.tif").code == "source-broken"


def test_a_metamorph_plate_is_told_by_its_stage_labels(home: Path, refusal) -> None:
    label = '<MetaData><prop id="stage-label" value="1 : Scan A01"/></MetaData>'
    tifffile.imwrite(home / "a.tif", PIXELS, description=label, metadata=None)

    assert refusal(home / "a.tif").code == "source-incomplete"


def test_a_file_that_may_not_be_read_is_refused(home: Path, refusal) -> None:
    make_tiff(home / "a.tif").chmod(0)
    if os.access(home / "a.tif", os.R_OK):
        pytest.skip("permission bits do not bind this account")

    assert refusal(home / "a.tif").code == "source-unreadable"


def test_sizes_and_times_are_brought_up_to_date(home: Path, access: Access, quick: Verification) -> None:
    path = make_tiff(home / "a.tif")
    (fileset,) = expand([str(path)], access=access, settings=quick).filesets
    make_tiff(path, pages=3)

    verified = verify_fileset(fileset, access=access, settings=quick)

    assert verified.fileset.size == path.stat().st_size
    assert verified.fileset.key == fileset.key


@pytest.mark.parametrize("goes", [True, False], ids=["the file goes", "its folder becomes a link"])
def test_what_changed_since_it_was_found_is_refused(
    home: Path, access: Access, quick: Verification, goes: bool
) -> None:
    (home / "2026").mkdir()
    path = make_tiff(home / "2026" / "a.tif")
    (fileset,) = expand([str(path)], access=access, settings=quick).filesets
    (home / "2026").rename(home / "moved")
    if not goes:
        (home / "2026").symlink_to(home / "moved")

    with pytest.raises(CourierError) as error:
        verify_fileset(fileset, access=access, settings=quick)

    assert (error.value.code, error.value.which) == ("source-missing", str(path))
