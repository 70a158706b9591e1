"""PerkinElmer Operetta and Opera Phenix: an index `Index.idx.xml` with the TIFFs that it names, and the plate's notes.

As Bio-Formats reads them (OperettaReader.initFile), but for two things: where TIFFs are missing it makes them black,
and we refuse; and around an index that is not in a folder `Images` it takes more for notes.
"""

import posixpath
import re
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from flows.core.errors import SourceBroken
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.formats import format_of

NAME = "PerkinElmer Operetta"
READER = "loci.formats.in.OperettaReader"
_INDICES = ("index.idx.xml", "index.ref.xml", "index.xml")
OPENERS: tuple[str, ...] = _INDICES
_MAGIC = re.compile(rb"Harmony|Operett")
_HEAD = 1024
_URL = re.compile(rb"<URL(?:\s[^<>]*)?>([^<]*)</URL>")
_IMAGES = "images"
"""The usual name of the folder with index and TIFFs; the notes are then in the folders beside it."""
_TIFF = (".tif", ".tiff")


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the index, of whatever TIFF lies beside one."""
    if name.lower() not in _INDICES and not name.lower().endswith(_TIFF):
        return None
    return folders.once(("index in", folder.path), lambda: _index(folder, folders))


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the index, the notes of the plate, and all TIFFs."""
    home = folders.at(posixpath.dirname(opener))
    with folders.peeking(opener) as file:
        named = {unescape(each.decode("utf-8", "replace").strip()) for each in _URL.findall(file.whole())} - {""}
    if not named:
        raise SourceBroken("It names no image.", which=opener)
    images = sorted(home.within(each) for each in named)
    missing = [each for each in images if not folders.has(each)]
    wrong = incomplete(missing, home.path, folders) if missing else None
    files = dict.fromkeys((opener, *_notes(home, folders), *images))
    return FoundSet(NAME, READER, tuple(each for each in files if each not in set(missing)), wrong=wrong, plate=True)


def _index(folder: Folder, folders: Folders) -> str | None:
    """Return the index of a folder; of several the one that Bio-Formats looks for first."""
    names = {name.lower(): name for name in folder.names if name in folder.files}
    for index in _INDICES:
        if index in names and _is_ours(folder.within(names[index]), folders):
            return folder.within(names[index])
    return None


def _is_ours(index: str, folders: Folders) -> bool:
    with folders.peeking(index) as file:
        return _MAGIC.search(file.head(_HEAD)) is not None


def _notes(home: Folder, folders: Folders) -> Iterator[str]:
    """Yield what lies in the plate's folder and in the folders in it, but no TIFFs and no other plates.

    An index elsewhere than in `Images` may have anybody's folders beside it: only what is no image, and lies with it,
    is its own.
    """
    if posixpath.basename(home.path).lower() != _IMAGES or not folders.has_folder(home.path):
        yield from (each for each in _texts(home) if format_of(each) is None)
        return
    plate = folders.at(posixpath.dirname(home.path))
    yield from _texts(plate)
    for name in plate.names:
        beside = plate.within(name)
        if name in plate.folders and beside != home.path and _index(folders.at(beside), folders) is None:
            yield from _texts(folders.at(beside))


def _texts(folder: Folder) -> Iterator[str]:
    for name in folder.names:
        if name in folder.files and not name.lower().endswith(_TIFF):
            yield folder.within(name)
