"""Olympus OIF: `x.oif` with its folder `x.oif.files` of planes (`.tif`), their notes (`.pty`), and further notes.

As Bio-Formats reads them (FV1000Reader.initFile). All planes of which the `.oif` speaks have to be there.
"""

import itertools
import posixpath
import re

from flows.core.errors import SourceBroken
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders

NAME = "Olympus FV1000"
READER = "loci.formats.in.FV1000Reader"
OPENERS: tuple[str, ...] = ("*.oif",)
_FOLDER = ".files"
_USED = (".pty", ".tif", ".lut", ".roi")
_LISTED = re.compile(r'^IniFileName\d+\s*=\s*"?([^"\r\n]+)', re.MULTILINE)
_FIRST, _LAST, _PATTERN = (
    re.compile(rf'^PtyFileName{which}\s*=\s*"?([^"\r\n]+)', re.MULTILINE) for which in ("S", "E", "T2")
)
_PREVIEW = re.compile(r"-R\d+\.pty$", re.IGNORECASE)


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the `.oif`, of what lies in its folder too."""
    if name.lower().endswith(".oif"):
        return folder.within(name)
    if not folder.path.lower().endswith(".oif" + _FOLDER):
        return None
    opener = folder.path[: -len(_FOLDER)]
    return opener if folders.has(opener) else folders.in_another_case(opener) or opener


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the `.oif` and what is used of its folder."""
    home = posixpath.dirname(opener)
    if not folders.has(opener):
        raise incomplete([opener], home, folders)
    notes = [each for each in _notes(_text(opener, folders)) if not _PREVIEW.search(each)]
    if not notes:
        raise SourceBroken("It names no plane.", which=opener)
    folder = _folder_of(opener, notes, folders)
    held = folders.at(folder) if folders.has_folder(folder) else None
    if held is None:
        raise incomplete([folder], home, folders)
    planes = [held.within(posixpath.basename(each)) for each in notes]
    missing = [each for pty in planes for each in _missing(pty, folders)]
    used = [held.within(name) for name in held.names if name in held.files and name.lower().endswith(_USED)]
    wrong = incomplete(missing, home, folders) if missing else None
    return FoundSet(NAME, READER, (opener, *used), (folder,), wrong)


def _folder_of(opener: str, notes: list[str], folders: Folders) -> str:
    """Return the folder that the `.oif` names, or the one named after it: the `.oif` may have been renamed."""
    named = posixpath.join(posixpath.dirname(opener), posixpath.dirname(notes[0]))
    return named if posixpath.dirname(notes[0]) and folders.has_folder(named) else opener + _FOLDER


def _missing(pty: str, folders: Folders) -> list[str]:
    """Return what a plane lacks; it may do without its notes, and these may name another file for the pixels."""
    pixels = pty[:-4] + ".tif"
    if folders.has(pixels):
        return []
    if not folders.has(pty):
        return [pty]
    named = re.search(r'^DataName\s*=\s*"?([^"\r\n]+)', _text(pty, folders), re.MULTILINE)
    pixels = posixpath.join(posixpath.dirname(pty), named.group(1).strip()) if named else pixels
    return [] if folders.has(pixels) else [pixels]


def _notes(text: str) -> list[str]:
    """Return the notes of each plane as the `.oif` names them: one by one, or as a pattern with first and last."""
    listed = [_slashes(each) for each in _LISTED.findall(text)]
    first, last, pattern = (each.search(text) for each in (_FIRST, _LAST, _PATTERN))
    if listed or not (first and last):
        return listed
    start, end = _slashes(first.group(1)), _slashes(last.group(1))
    shape = _slashes(pattern.group(1)) if pattern else posixpath.join(posixpath.dirname(start), "s_C%03dT%03d.pty")
    numbers = re.compile(re.escape(shape).replace("%03d", r"(\d{3,})"))
    begins, ends = numbers.fullmatch(start), numbers.fullmatch(end)
    if begins is None or ends is None:
        return [start, end] if start != end else [start]
    ranges = (range(int(a), int(b) + 1) for a, b in zip(begins.groups(), ends.groups(), strict=True))
    return [shape.replace("%03d", "{:03d}").format(*each) for each in itertools.product(*ranges)]


def _slashes(path: str) -> str:
    return path.strip().replace("\\", "/")


def _text(path: str, folders: Folders) -> str:
    with folders.peeking(path) as file:
        raw = file.whole()
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin-1"
    return raw.decode(encoding, "replace").replace("\0", "")
