"""Olympus OIF files and their folders."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

LISTED = 'IniFileName{n}="{name}.files\\s_C00{c}.pty"\r\n'
ENDS = (
    'PtyFileNameS="{name}.files\\s_C001T001.pty"\r\nPtyFileNameE="{name}.files\\s_C002T003.pty"\r\n'
    'PtyFileNameT2="{name}.files\\s_C%03dT%03d.pty"\r\n'
)


def make_oif(home: Path, name: str = "a.oif", *, text: str = "", folder: str = "", planes: int = 2) -> None:
    """An `.oif`, and a folder of planes with their notes, a look-up table, a thumbnail and a preview."""
    text = text or "".join(LISTED.format(n=n, name=name, c=n + 1) for n in range(planes))
    (home / name).write_bytes(f"[ProfileSaveInfo]\r\n{text}".encode("utf-16"))
    folder = folder or f"{name}.files"
    for number in range(1, planes + 1):
        make(home, f"{folder}/s_C00{number}.pty")
        tifffile.imwrite(home / folder / f"s_C00{number}.tif", np.zeros((4, 4), np.uint8), metadata=None)
    make(home, f"{folder}/s_LUT1.lut", f"{folder}/s_Thumb.bmp")


def members(name: str = "a.oif", folder: str = "") -> list[str]:
    folder = folder or f"{name}.files"
    inner = ["s_C001.pty", "s_C001.tif", "s_C002.pty", "s_C002.tif", "s_LUT1.lut"]
    return [name, *(f"{folder}/{each}" for each in inner)]


@pytest.mark.parametrize("source", [".", "a.oif", "a.oif.files", "a.oif.files/s_C002.tif", "a.oif.files/s_Thumb.bmp"])
def test_any_file_stands_for_the_whole_set(home: Path, look: Look, sound, source: str) -> None:
    make_oif(home)

    found = look(source)

    assert (sets(found, home), found.refused) == ([members()], ())
    assert [each.reader for each in found.filesets] == ["loci.formats.in.FV1000Reader"]
    assert sound(found) == ["Olympus FV1000"]


def test_two_sets_in_one_folder_stay_apart(home: Path, look: Look) -> None:
    make_oif(home, "a.oif")
    make_oif(home, "B.OIF")

    assert sets(look(), home) == [members("B.OIF"), members("a.oif")]


def test_the_file_is_found_from_its_folder_whatever_its_capitals(home: Path, look: Look) -> None:
    make_oif(home, "B.OIF", folder="B.oif.files")
    make(home, "B.OIF", content="IniFileName0=B.oif.files\\s_C001.pty".encode("utf-16"))

    assert sets(look("B.oif.files/s_C001.tif"), home) == [members("B.OIF", "B.oif.files")]


def test_a_renamed_file_is_found_with_its_folder(home: Path, look: Look) -> None:
    make_oif(home, text='IniFileName0="before.oif.files\\s_C001.pty"')

    assert sets(look(), home) == [members()]


@pytest.mark.parametrize(
    ("text", "lost", "lacking"),
    [
        ("", "a.oif.files", "a.oif.files"),
        ("", "a.oif.files/s_C002.tif", "s_C002.tif"),
        (ENDS.format(name="a.oif"), "", "s_C001T001.pty, a.oif.files/s_C001T002.pty"),
        (ENDS.format(name="a.oif"), "", "and 1 more"),
    ],
    ids=["the folder", "a plane", "planes of a series", "some more"],
)
def test_what_is_missing_is_named(home: Path, look: Look, text: str, lost: str, lacking: str) -> None:
    make_oif(home, text=text)
    if lost:
        (home / lost).rename(home.parent / "lost")

    found = look()

    assert refusals(found, home) == [("source-incomplete", "a.oif")]
    assert lacking in found.refused[0].what


def test_a_folder_without_its_file_is_refused_once(home: Path, look: Look) -> None:
    make_oif(home)
    (home / "a.oif").unlink()

    found = look()

    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "a.oif" in found.refused[0].what


def test_a_plane_may_do_without_notes_or_name_its_pixels_otherwise(home: Path, look: Look) -> None:
    make_oif(home)
    folder = home / "a.oif.files"
    (folder / "s_C001.pty").unlink()
    (folder / "s_C002.tif").rename(folder / "pixels.tif")
    (folder / "s_C002.pty").write_bytes('[File Info]\r\nDataName="pixels.tif"\r\n'.encode("utf-16"))

    found = look()

    assert not found.refused
    assert "a.oif.files/pixels.tif" in sets(found, home)[0]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[ProfileSaveInfo]\r\nPtyFileNameS=x\r\n"])
def test_a_file_that_names_no_plane_is_refused(home: Path, look: Look, content: bytes) -> None:
    make(home, "a.oif", content=content)

    assert refusals(look("a.oif"), home) == [("source-broken", "a.oif")]
