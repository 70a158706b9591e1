"""Image Cytometry Standard: a header `.ics` and its pixels in `.ids`; from version 2 on the header holds both.

As Bio-Formats reads them (ICSReader.initFile): the other name is the same but for one letter, its case kept.
"""

import math
import posixpath
import re
from collections.abc import Sequence

from flows.core.errors import SourceIncomplete
from flows.core.requests import SourceFile
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.peek import LookInto

NAME = "Image Cytometry Standard"
READER = "loci.formats.in.ICSReader"
OPENERS: tuple[str, ...] = ("*.ics",)
_VERSION_TWO = b"ics_version\t2.0"
_FIRST = len(b"\t\n" + _VERSION_TWO)
"""Bytes by which the version is told; the first line names the characters that separate fields and lines."""
_HEADER = 65_536
"""Bytes of a header that are looked through: text, a few hundred bytes as a rule."""


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the header, of either file."""
    lower = name.lower()
    if lower.endswith(".ics"):
        return folder.within(name)
    return folder.within(_other(name)) if lower.endswith(".ids") else None


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the header, and the pixels where they are in another file."""
    home = posixpath.dirname(opener)
    if not folders.has(opener):
        raise incomplete([opener], home, folders)
    with folders.peeking(opener) as file:
        if file.head(_FIRST).strip() == _VERSION_TWO:
            return FoundSet(NAME, READER, (opener,))
    pixels = _other(opener)
    if not folders.has(pixels):
        raise incomplete([pixels], home, folders)
    return FoundSet(NAME, READER, (opener, pixels))


def check(files: Sequence[SourceFile], look_into: LookInto) -> None:
    """Check that the pixels are as many as the header says, where they are not compressed.

    Raises:
        SourceIncomplete: they are fewer.
    """
    if len(files) < 2:
        return
    header, pixels = files
    with look_into(header) as file:
        text = file.head(_HEADER)
    sizes = re.search(rb"^layout[ \t]+sizes((?:[ \t]+\d+)+)\s*$", text, re.MULTILINE)
    if sizes is None or not re.search(rb"^representation\s+compression\s+uncompressed", text, re.MULTILINE):
        return
    bits, *shape = map(int, sizes.group(1).split())
    needed = bits * math.prod(shape) // 8
    if pixels.size < needed:
        raise SourceIncomplete(
            f"It has {pixels.size:,} bytes of pixels, and its header speaks of {needed:,}.",
            which=pixels.client_path,
            advice="Copy it again from where it was acquired, and import it then.",
        )


def _other(name: str) -> str:
    """Swap `c` and `d` in the suffix."""
    return name[:-2] + name[-2].translate(str.maketrans("cdCD", "dcDC")) + name[-1]
