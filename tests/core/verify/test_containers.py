"""Containers other than TIFF: whole ones pass, cut ones do not."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from flows.core.errors import SourceError
from flows.core.settings import Verification
from flows.core.verify import Access, expand, verify_fileset


def czi(part: int = 0) -> bytes:
    """A header, one block of pixels, metadata, a directory of one entry with one dimension."""
    block = struct.pack("<16sqq", b"ZISRAWSUBBLOCK", 256, 256) + bytes(256)
    metadata = struct.pack("<16sqq", b"ZISRAWMETADATA", 64, 64) + bytes(64)
    entry = struct.pack("<6xq14xI", 544, 1) + bytes(20)
    directory = struct.pack("<16sqqi124x", b"ZISRAWDIRECTORY", 180, 180, 1) + entry
    places = struct.pack("<iqqiq", part, 544 + len(block) + len(metadata), 544 + len(block), 0, 0)
    header = struct.pack("<16sqq48x", b"ZISRAWFILE", 512, 512) + places
    return header.ljust(544, b"\0") + block + metadata + directory


def lif() -> bytes:
    """A header and two blocks of pixels, the lengths of 4 and of 8 bytes."""
    short = struct.pack("<iibIbi", 0x70, 10, 0x2A, 100, 0x2A, 0) + bytes(100)
    long = struct.pack("<iibQbi", 0x70, 14, 0x2A, 50, 0x2A, 0) + bytes(50)
    return struct.pack("<iibi", 0x70, 5, 0x2A, 0) + short + long


def nd2() -> bytes:
    return b"\xda\xce\xbe\x0a" + bytes(500) + b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<q", 100)


def dv() -> bytes:
    header = struct.pack("<4i76xi", 10, 10, 3, 6, 200) + b"\xa0\xc0"
    return header.ljust(1024 + 200, b"\0") + bytes(10 * 10 * 3 * 2)


def hdf5(version: int) -> bytes:
    place = {0: 40, 1: 44, 2: 28}[version]
    return (b"\x89HDF\r\n\x1a\n" + bytes([version])).ljust(place, b"\0") + struct.pack("<Q", 400) + bytes(392 - place)


def ole() -> bytes:
    sectors = [0] + [0xFFFFFFFF] * 108
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + struct.pack("<H16xI24x109I", 9, 5, *sectors)
    return header + bytes(6 * 512)


def picture(folder: Path, kind: str) -> bytes:
    Image.radial_gradient("L").save(folder / f"made.{kind}")
    return (folder / f"made.{kind}").read_bytes()


WHOLE = [
    ("a.czi", czi()),
    ("a.lif", lif()),
    ("a.nd2", nd2()),
    ("a.dv", dv()),
    ("a.ims", hdf5(0)),
    ("b.ims", hdf5(2)),
    ("a.ch5", hdf5(1)),
    ("a.zvi", ole()),
]


def verify(path: Path, access: Access, quick: Verification) -> str:
    (fileset,) = expand([str(path)], access=access, settings=quick).filesets
    return verify_fileset(fileset, access=access, settings=quick).format


@pytest.mark.parametrize(("name", "content"), WHOLE, ids=[name for name, _ in WHOLE])
def test_a_whole_file_is_accepted_and_a_cut_one_is_not(
    home: Path, access: Access, quick: Verification, name: str, content: bytes
) -> None:
    (home / name).write_bytes(content)

    assert verify(home / name, access, quick)
    for length in (len(content) - 600 if name == "a.zvi" else len(content) - 1, len(content) // 3):
        (home / name).write_bytes(content[:length])
        with pytest.raises(SourceError):
            verify(home / name, access, quick)


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp"])
def test_a_picture_is_accepted_whole_and_refused_when_cut(
    home: Path, access: Access, quick: Verification, kind: str, tmp_path: Path
) -> None:
    content = picture(tmp_path, kind)
    (home / f"whole.{kind}").write_bytes(content)
    (home / f"cut.{kind}").write_bytes(content[: len(content) // 2])

    assert verify(home / f"whole.{kind}", access, quick) == kind.upper().replace("JPG", "JPEG")
    with pytest.raises(SourceError):
        verify(home / f"cut.{kind}", access, quick)


def test_a_part_of_a_czi_is_told_by_its_header(home: Path, access: Access, quick: Verification) -> None:
    (home / "a.czi").write_bytes(czi(part=2))

    with pytest.raises(SourceError) as error:
        verify(home / "a.czi", access, quick)

    assert error.value.code == "source-incomplete"


@pytest.mark.parametrize("at", range(0, 700, 7))
def test_nonsense_in_the_tables_is_refused_or_harmless(
    home: Path, access: Access, quick: Verification, at: int
) -> None:
    for name, content in WHOLE:
        (home / name).write_bytes(content[:at] + b"\xff" * 8 + content[at + 8 :])

        with suppress(SourceError):
            assert verify(home / name, access, quick)
