"""OME-TIFF sets: TIFFs whose OME-XML speaks of other files, with their metadata in one of them or in a companion.

As Bio-Formats reads them (OMETiffReader.initFile). All files have to be there. Only names that say OME-TIFF are looked
into, and what these speak of, so that thousands of plain TIFFs cost nothing.
"""

import posixpath
import struct
from collections.abc import Sequence

from flows.core.errors import SourceBroken, SourceIncomplete, SourceMissing, SourceOpaque
from flows.core.remotes import normal
from flows.core.verify.containers import TIFF
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.omexml import OmeXml, looks_like_ome_xml, read_ome_xml
from flows.core.verify.peek import Peek
from flows.core.verify.tiff import first_description

NAME = "OME-TIFF"
READER = "loci.formats.in.OMETiffReader"
OPENERS: tuple[str, ...] = ("*.companion.ome",)
_COMPANION = ".companion.ome"
_OME_TIFF = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf")
_TIFF = (".tif", ".tiff", ".tf2", ".tf8", ".btf")


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the companion, the TIFF that holds the metadata, or else the first of the set; None for a single file."""
    lower = name.lower()
    path = folder.within(name)
    if lower.endswith(_COMPANION):
        return path
    if not lower.endswith(_TIFF):
        return None
    if companion := folders.once(("companions of", folder.path), lambda: _companions(folder, folders)).get(path):
        return companion
    told = ome_xml_of(path, folders) if lower.endswith(_OME_TIFF) else None
    if told is None:
        return None
    if told.metadata_file:
        return _pointed_to(path, folder.within(told.metadata_file), folders)
    spoken_of = _spoken_of(path, told, folders)
    return _first_of(path, spoken_of, folders) if len(spoken_of) > 1 else None


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the file that is opened, the file with the metadata where that is another, and all files with pixels."""
    home = posixpath.dirname(opener)
    if not folders.has(opener):
        raise incomplete([opener], home, folders)
    source = opener
    try:
        told = ome_xml_of(opener, folders) or OmeXml()
    except SourceBroken as broken:
        raise broken.about(opener) from broken.__cause__
    if told.metadata_file:
        source = normal(f"{home}/{told.metadata_file}")
        told = ome_xml_of(source, folders) or OmeXml()
    spoken_of = _spoken_of(source, told, folders)
    if source.lower().endswith(_COMPANION) and len(spoken_of) == 1:
        raise SourceBroken("It says of no file that it holds the pixels.", which=source)
    files = tuple(dict.fromkeys((opener, source, *spoken_of)))
    missing = [each for each in files if not folders.has(each)]
    there = tuple(each for each in files if each not in missing)
    wrong = incomplete(missing, home, folders) if missing else None
    return FoundSet(NAME, READER, there, wrong=wrong, plate=told.plate)


def ome_xml_of(path: str, folders: Folders) -> OmeXml | None:
    """Return what a file's OME-XML says of files; None where it has none that can be read."""
    return folders.once(("OME-XML of", path), lambda: _read(path, folders))


def _read(path: str, folders: Folders) -> OmeXml | None:
    with folders.peeking(path) as file:
        if TIFF.fits(file.head(4)):
            return _in_tiff(file)
        if path.lower().endswith(_TIFF):
            return None
        return read_ome_xml(file.whole())


def _in_tiff(file: Peek) -> OmeXml | None:
    """Whether a TIFF is sound is said when it is verified, not here."""
    try:
        text = first_description(file)
        if not looks_like_ome_xml(text):
            return None
        return read_ome_xml(text) if b"FileName" in text or b"BinaryOnly" in text else OmeXml()
    except (SourceBroken, SourceOpaque, struct.error):
        return None


def _companions(folder: Folder, folders: Folders) -> dict[str, str]:
    """Return, for each file that a companion in this folder speaks of, that companion; one that is broken has none."""
    found: dict[str, str] = {}
    for name in folder.names:
        if name.lower().endswith(_COMPANION) and name in folder.files:
            path = folder.within(name)
            try:
                told = ome_xml_of(path, folders) or OmeXml()
            except SourceBroken:
                continue
            found.update(dict.fromkeys(_spoken_of(path, told, folders), path))
    return found


def _pointed_to(path: str, source: str, folders: Folders) -> str:
    """Return what opens the set of a TIFF whose metadata is in `source`.

    Bio-Formats opens companions and TIFFs; of metadata in other files it learns from the TIFFs that point there.
    """
    try:
        spoken_of = _spoken_of(source, ome_xml_of(source, folders) or OmeXml(), folders)
    except (SourceBroken, SourceMissing):
        return source
    if path not in spoken_of:
        raise SourceIncomplete(f"Its metadata is said to be in {posixpath.basename(source)}, which does not name it.")
    opened_itself = source.lower().endswith((_COMPANION, *_TIFF))
    return source if opened_itself else next(each for each in spoken_of[1:] if folders.has(each))


def _spoken_of(path: str, told: OmeXml, folders: Folders) -> tuple[str, ...]:
    """Return the file itself, and all others that its OME-XML says hold pixels, in order, whether there or not.

    A file that was renamed is known by its UUID; where it has none, it is the one that is missing.
    """
    if not told.own_uuid and len(told.pixel_files) == 1 and not path.lower().endswith(_COMPANION):
        return (path,)
    home = posixpath.dirname(path)
    named = {normal(f"{home}/{name or uuid}"): uuid for uuid, name in told.pixel_files.items()}
    others = [each for each, uuid in sorted(named.items()) if each != path and uuid != told.own_uuid]
    if not told.own_uuid and path not in named and not path.lower().endswith(_COMPANION):
        missing = [each for each in others if not folders.has(each)]
        others = [each for each in others if each not in missing[:1]] if len(missing) == 1 else others
    return (path, *others)


def _first_of(path: str, spoken_of: Sequence[str], folders: Folders) -> str:
    """Return which of several files that speak of each other is opened: the same one whichever is asked of."""
    first = next(each for each in sorted(spoken_of) if each == path or folders.has(each))
    if first == path:
        return path
    told = ome_xml_of(first, folders)
    if told is not None and set(_spoken_of(first, told, folders)) == set(spoken_of):
        return first
    return path
