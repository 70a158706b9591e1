"""Olympus VSI files and their folders."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from flows.core.errors import SourceError
from flows.core.settings import Verification
from flows.core.verify import Access, verify_fileset
from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

ELSEWHERE = struct.pack("<4I", 0x4000000C, 20005, 0x8C, 1)
"""The field that says that the pixels are in another file."""


def ets(tiles: int = 2) -> bytes:
    """A header, an inner header, tiles of 10 bytes, and the table of the tiles."""
    table = b"".join(struct.pack("<4x4x4xqi4x", 64 + 16 + 10 * number, 10) for number in range(tiles))
    head = struct.pack("<4s3iq2iq2i", b"SIS\0", 64, 3, 2, 64, 16, 0, 80 + 10 * tiles, tiles, 0)
    return head.ljust(64, b"\0") + b"ETS\0".ljust(16, b"\0") + bytes(10 * tiles) + table


def make_vsi(home: Path, name: str = "a.vsi", *, elsewhere: bytes = ELSEWHERE) -> None:
    tifffile.imwrite(home / name, np.zeros((4, 4), np.uint8), metadata=None)
    (home / name).write_bytes((home / name).read_bytes() + elsewhere)


@pytest.mark.parametrize("source", [".", "a.vsi", "_a_/stack1/frame_t_0.ets", "_a_/stack2/notes.xml"])
def test_any_file_stands_for_the_whole_set(home: Path, look: Look, sound, source: str) -> None:
    make_vsi(home)
    make(home, "_a_/stack1/frame_t_0.ets", "_a_/stack2/frame_t_0.ets", content=ets())
    make(home, "_a_/stack2/notes.xml", "_a_/stray.tif", "_a_/stack1/deeper/stray.tif", "_a_/stack1/Thumbs.db")

    found = look(source)

    assert found.refused == ()
    assert sets(found, home) == [
        ["a.vsi", "_a_/stack1/frame_t_0.ets", "_a_/stack2/frame_t_0.ets", "_a_/stack2/notes.xml"]
    ]
    assert [each.reader for each in found.filesets] == ["loci.formats.in.CellSensReader"]
    assert sound(found) == ["CellSens VSI"]


def test_two_sets_in_one_folder_stay_apart(home: Path, look: Look) -> None:
    make_vsi(home, "a.vsi")
    make_vsi(home, "B.VSI")
    make(home, "_a_/stack1/frame_t.ets", "_B_/stack1/frame_t.ETS", content=ets())

    assert sets(look(), home) == [["B.VSI", "_B_/stack1/frame_t.ETS"], ["a.vsi", "_a_/stack1/frame_t.ets"]]
    assert sets(look("_B_/stack1/frame_t.ETS"), home) == [["B.VSI", "_B_/stack1/frame_t.ETS"]]


@pytest.mark.parametrize("left", ["", "_a_/stack1/notes.xml"], ids=["no folder", "no frame in it"])
def test_without_its_pixels_it_is_refused(home: Path, look: Look, left: str) -> None:
    make_vsi(home)
    if left:
        make(home, left)

    found = look()

    assert refusals(found, home) == [("source-incomplete", "a.vsi")]
    assert "_a_/stack1" in found.refused[0].what


def test_a_file_that_holds_its_pixels_itself_needs_no_folder(home: Path, look: Look, sound) -> None:
    make_vsi(home, elsewhere=b"")

    found = look()

    assert sets(found, home) == [["a.vsi"]]
    assert sound(found) == ["CellSens VSI"]


@pytest.mark.parametrize("source", [".", "_a_/stack1/frame_t.ets"])
def test_frames_without_their_file_are_refused(home: Path, look: Look, source: str) -> None:
    make(home, "_a_/stack1/frame_t.ets", content=ets())

    found = look(source)

    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "a.vsi" in found.refused[0].what


@pytest.mark.parametrize("content", [ets()[:-1], ets()[:90], b"SIS\0" + b"\xff" * 80, bytes(200)])
def test_a_damaged_frame_is_refused(home: Path, look: Look, access: Access, content: bytes) -> None:
    make_vsi(home)
    make(home, "_a_/stack1/frame_t.ets", content=content)
    (fileset,) = look().filesets

    with pytest.raises(SourceError) as refused:
        verify_fileset(fileset, access=access, settings=Verification(settle_seconds=0))

    assert refused.value.which == f"{home}/_a_/stack1/frame_t.ets"
