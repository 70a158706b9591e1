"""Olympus cellSens: `x.vsi` with its pixels in `_x_/stack.../frame_....ets`.

As Bio-Formats reads them (CellSensReader.initFile), but for one thing: where the pixels are missing it makes do with
the overview that the `.vsi` holds, and we refuse.
"""

import posixpath
import re
import struct

from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.peek import LONGEST_TEXT

NAME = "CellSens VSI"
READER = "loci.formats.in.CellSensReader"
OPENERS: tuple[str, ...] = ("*.vsi",)
_HAS_EXTERNAL_FILE = re.compile(b"...[\x40-\x7f]" + re.escape(struct.pack("<I", 20005)) + b"....\x01\0\0\0", re.DOTALL)
"""A field whose value stands in its own description: type, tag, next field, value (CellSensReader.readTags)."""


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the `.vsi`, of what lies in its folder's folders too."""
    lower = name.lower()
    if lower.endswith(".vsi"):
        return folder.within(name)
    above, stem = posixpath.split(posixpath.dirname(folder.path))
    if len(stem) < 3 or not (stem.startswith("_") and stem.endswith("_")):
        return None
    for suffix in (".vsi", ".VSI"):
        if folders.has(opener := f"{above}/{stem[1:-1]}{suffix}"):
            return opener
    return f"{above}/{stem[1:-1]}.vsi" if lower.endswith(".ets") else None


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the `.vsi` and all files in the folders of its folder."""
    home, name = posixpath.split(opener)
    if not folders.has(opener):
        raise incomplete([opener], home, folders)
    pixels = f"{home}/_{posixpath.splitext(name)[0]}_"
    stacks: list[Folder] = []
    if folders.has_folder(pixels):
        outer = folders.at(pixels)
        stacks = [folders.at(outer.within(each)) for each in outer.names if each in outer.folders]
    files = [stack.within(each) for stack in stacks for each in stack.names if each in stack.files]
    if not any(_holds_pixels(each) for each in files) and _has_pixels_elsewhere(opener, folders):
        raise incomplete([f"{pixels}/stack1/frame_t.ets"], home, folders)
    return FoundSet(NAME, READER, (opener, *files), (pixels,))


def _holds_pixels(path: str) -> bool:
    name = posixpath.basename(path)
    return name.startswith("frame_") and name.lower().endswith(".ets")


def _has_pixels_elsewhere(opener: str, folders: Folders) -> bool:
    with folders.peeking(opener) as file:
        return _HAS_EXTERNAL_FILE.search(file.head(LONGEST_TEXT)) is not None
