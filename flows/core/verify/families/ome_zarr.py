"""OME-Zarr, versions 0.4 and 0.5: an image, a plate, or several images as bioformats2raw writes them; a whole folder.

As Bio-Formats reads them (ZarrReader): it knows such a folder by a name that ends in `.zarr`. All groups and arrays
that the metadata names have to be there; chunks may be missing, they stand for empty pixels (Zarr specification).
"""

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from flows.core.errors import NothingImportable, SourceBroken
from flows.core.remotes import normal
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders

NAME = "OME-Zarr"
READER = "loci.formats.in.ZarrReader"
OPENERS: tuple[str, ...] = (".zattrs", "zarr.json")
_ARRAYS = (".zarray", "zarr.json")
MARKS = frozenset({".zattrs", ".zgroup", ".zarray", ".zmetadata", "zarr.json"})
"""Names by which a folder is known as a Zarr."""
_SUFFIX = ".zarr"

_Attributes = Mapping[str, Any]


def whole_of(folder: Folder) -> str | None:
    """Return the name in a folder that says, or should say, that the folder is a Zarr; None where it is none."""
    marks = sorted(MARKS & folder.files.keys())
    return marks[0] if marks else OPENERS[0] if folder.path.lower().endswith(_SUFFIX) else None


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the metadata of the uppermost group."""
    if name not in MARKS and _SUFFIX not in folder.path.lower() and not _is_marked(folder):
        return None
    root = _root(folder, folders)
    if root is None:
        return None
    return next((root.within(each) for each in OPENERS if each in root.files), root.within(OPENERS[0]))


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return all files of the folder, the metadata of the uppermost group first."""
    root = posixpath.dirname(opener)
    if not root.endswith(_SUFFIX):
        raise NothingImportable(
            "It is a Zarr, but OMERO knows those by the ends of their names only.",
            which=root,
            advice="Give the folder a name that ends in .zarr.",
        )
    if not folders.has(opener):
        raise incomplete([opener], root, folders)
    files = folders.below(root, also=MARKS)
    lack = _Lack(root, folders, frozenset(files))
    try:
        missing = list(lack.all())
    except (AttributeError, KeyError, TypeError) as nonsense:
        raise SourceBroken("The metadata of this Zarr makes no sense.", which=root) from nonsense
    wrong = incomplete(missing, root, folders) if missing else None
    return FoundSet(NAME, READER, tuple(dict.fromkeys((opener, *files))), (root,), wrong, lack.is_plate)


def _root(folder: Folder, folders: Folders) -> Folder | None:
    """Return the first folder on the way down that ends in `.zarr`, or else the uppermost of those with metadata."""
    parts = folder.path.split("/")
    named = next((count for count, part in enumerate(parts, 1) if part.lower().endswith(_SUFFIX)), None)
    if named is not None:
        return folders.at("/".join(parts[:named]))
    found = None
    while _is_marked(folder):
        found = folder
        above = posixpath.dirname(folder.path)
        if not folders.may_list(above):
            break
        folder = folders.at(above)
    return found


def _is_marked(folder: Folder) -> bool:
    return any(mark in folder.files for mark in MARKS)


class _Lack:
    """Finds out what a Zarr speaks of that is not there."""

    def __init__(self, root: str, folders: Folders, files: frozenset[str]) -> None:
        self._root, self._folders, self._files = root, folders, files
        is_third = f"{root}/zarr.json" in files
        self._group, self._array = ("zarr.json", "zarr.json") if is_third else (".zattrs", ".zarray")
        self.is_plate = False

    def all(self) -> Iterator[str]:
        """Yield what is missing of a plate, of several images, or of one."""
        root = self._root
        told = self._attributes(root)
        if "plate" in told:
            self.is_plate = True
            for well in told["plate"].get("wells", ()):
                yield from self._of_well(f"{root}/{well['path']}")
        elif "multiscales" in told:
            yield from self._of_image(root)
        elif "bioformats2raw.layout" in told:
            for image in self._images(root):
                yield from self._of_image(f"{root}/{image}")
        else:
            raise NothingImportable("It is a Zarr that says nothing of images: no OME-Zarr.", which=root)

    def _of_well(self, well: str) -> Iterator[str]:
        if lacking := self._no_group(well):
            yield lacking
            return
        for image in self._attributes(well).get("well", {}).get("images", ()):
            yield from self._of_image(f"{well}/{image['path']}")

    def _of_image(self, image: str) -> Iterator[str]:
        if lacking := self._no_group(image):
            yield lacking
            return
        for pyramid in self._attributes(image).get("multiscales", ()):
            for level in pyramid.get("datasets", ()):
                array = normal(f"{image}/{level['path']}")
                if not any(f"{array}/{each}" in self._files for each in _ARRAYS):
                    yield f"{array}/{self._array}"

    def _images(self, root: str) -> list[str]:
        """Return the images of a bioformats2raw layout: as listed, or else numbered."""
        if not self._no_group(f"{root}/OME") and (listed := self._attributes(f"{root}/OME").get("series")):
            return [str(each) for each in listed]
        names = {path[len(root) + 1 :].split("/")[0] for path in self._files}
        return sorted((each for each in names if each.isdigit()), key=int) or ["0"]

    def _no_group(self, group: str) -> str | None:
        """Return the metadata that a group lacks; None where it is there."""
        group = normal(group)
        there = any(f"{group}/{each}" in self._files for each in OPENERS)
        return None if there else f"{group}/{self._group}"

    def _attributes(self, group: str) -> _Attributes:
        """Return what a group says of itself as OME-Zarr."""
        path = next(path for each in OPENERS if (path := f"{normal(group)}/{each}") in self._files)
        with self._folders.peeking(path) as file:
            text = file.whole()
        try:
            told = json.loads(text)
            attributes = told.get("attributes", {}).get("ome", {}) if path.endswith("zarr.json") else told
        except (ValueError, AttributeError, RecursionError) as broken:
            raise SourceBroken("The metadata of this Zarr cannot be read.", which=path) from broken
        if not isinstance(attributes, Mapping):
            raise SourceBroken("The metadata of this Zarr makes no sense.", which=path)
        return attributes
