"""Micro-Manager's image files: `metadata.txt` with the TIFFs that it names; of a grid, all its folders `...Pos_...`.

As Bio-Formats reads them (MicromanagerReader.initFile). Its OME-TIFF stacks are OME-TIFFs, of one file or several; the
`_metadata.txt` beside such a stack is not needed.
"""

import json
import posixpath
import re

from flows.core.errors import SourceBroken, SourceError
from flows.core.verify.families.ome_tiff import ome_xml_of
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders

NAME = "Micro-Manager"
READER = "loci.formats.in.MicromanagerReader"
OPENERS: tuple[str, ...] = ("metadata.txt", "*_metadata.txt")
_METADATA = "metadata.txt"
_FURTHER = "Acqusition.xml"
"""Micro-Manager's spelling."""
_GRID = "Pos_"
"""Folders with this in their names hold a position of a grid each."""
_TIFF = (".tif", ".tiff")
_HEAD = 1024 * 1024
"""Bytes in which a metadata file says that it is Micro-Manager's."""
_NAMED = re.compile(rb'"FileName"\s*:\s*("(?:[^"\\\n]|\\.)*")|"Coords-((?:[^"\\\n]|\\.)*")\s*:')
"""Text in JSON, with its quotation marks; of coordinates without the first."""


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the metadata, in the first folder of a grid."""
    metadata = _metadata_of(folder, name)
    if metadata is None or not folders.once(("Micro-Manager's", metadata), lambda: _is_ours(metadata, folders)):
        return None
    if name.lower().endswith(_TIFF) and ".ome." in name.lower() and ome_xml_of(folder.within(name), folders):
        return None
    return _positions(metadata, folders)[0]


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return the metadata of each position, with its TIFFs."""
    files: list[str] = []
    missing: list[str] = []
    for metadata in _positions(opener, folders):
        if not folders.has(metadata):
            missing.append(metadata)
            continue
        further = posixpath.join(posixpath.dirname(metadata), _FURTHER)
        planes = _planes(metadata, folders)
        files += [
            metadata,
            *([further] if folders.has(further) else ()),
            *(each for each in planes if folders.has(each)),
        ]
        missing += [each for each in planes if not folders.has(each)]
    wrong = incomplete(missing, posixpath.dirname(opener), folders) if missing else None
    return FoundSet(NAME, READER, tuple(files), wrong=wrong)


def _metadata_of(folder: Folder, name: str) -> str | None:
    """Return the metadata file that a file of this name may have, where it is there."""
    if name == _METADATA or name.endswith(f"_{_METADATA}"):
        return folder.within(name)
    if name != _FURTHER and not name.lower().endswith(_TIFF):
        return None
    candidates = (_METADATA, f"{name.partition('.')[0]}_{_METADATA}")
    return next((folder.within(each) for each in candidates if each in folder.files), None)


def _is_ours(metadata: str, folders: Folders) -> bool:
    """Say whether a metadata file is Micro-Manager's, and of TIFFs that are no OME-TIFFs."""
    with folders.peeking(metadata) as file:
        head = file.head(_HEAD).lower()
    if b"micro-manager" not in head and b"micromanager" not in head:
        return False
    first = next((each for each in _planes(metadata, folders) if folders.has(each)), None)
    return first is None or ".ome." not in first.lower() or ome_xml_of(first, folders) is None


def _positions(metadata: str, folders: Folders) -> list[str]:
    """Return the metadata of all positions of a grid, in order; of anything else, this one."""
    folder, name = posixpath.split(metadata)
    above, own = posixpath.split(folder)
    if _GRID not in own or name != _METADATA:
        return [metadata]
    try:
        around = folders.at(above)
    except SourceError:
        return [metadata]
    return [f"{around.within(each)}/{_METADATA}" for each in around.names if _GRID in each and each in around.folders]


def _planes(metadata: str, folders: Folders) -> list[str]:
    """Return the TIFFs that a metadata file names, or else all beside it."""
    return folders.once(("planes of", metadata), lambda: _named_in(metadata, folders))


def _named_in(metadata: str, folders: Folders) -> list[str]:
    folder = folders.at(posixpath.dirname(metadata))
    with folders.peeking(metadata) as file:
        text = file.whole()
    try:
        named = {json.loads(a or b'"' + b) for a, b in _NAMED.findall(text)}
    except ValueError as broken:
        raise SourceBroken("The names of its images cannot be read.", which=metadata) from broken
    if named:
        return sorted(_place(each, folder) for each in named)
    return [folder.within(each) for each in folder.names if each in folder.files and each.lower().endswith(_TIFF)]


def _place(named: str, folder: Folder) -> str:
    """Return where a file is; from version 2 on it is named together with its folder."""
    above, name = posixpath.split(named)
    return folder.within(name) if above == posixpath.basename(folder.path) else folder.within(named)
