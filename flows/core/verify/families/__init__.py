"""The families of files that belong together: asks each for the set that a file is in; knows none of them itself.

Of two families that both know a file the first counts, in the order in which Bio-Formats asks its readers.
"""

import re
from collections.abc import Sequence
from fnmatch import translate

from flows.core.errors import SourceError
from flows.core.requests import SourceFile
from flows.core.verify.families import dicom, ics, micro_manager, oif, ome_tiff, ome_zarr, operetta, vsi
from flows.core.verify.families.ome_zarr import whole_of
from flows.core.verify.families.shape import Family, FoundSet
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.peek import LookInto

__all__ = ["FAMILIES", "FoundSet", "check_together", "family_of", "opens_a_set", "set_of", "whole_of"]

FAMILIES: tuple[Family, ...] = (ome_zarr, vsi, ics, operetta, oif, ome_tiff, micro_manager, dicom)
_OPENERS = re.compile("|".join(translate(each) for family in FAMILIES for each in family.OPENERS))


def opens_a_set(name: str) -> bool:
    """Say whether a file of that name opens a set, as far as its name tells."""
    return _OPENERS.match(name.lower()) is not None


def set_of(folder: Folder, name: str, folders: Folders) -> FoundSet | None:
    """Return the set that the file `name` in `folder` is part of; None where no family knows it.

    The same set for each of its files; one that cannot be imported says why.

    Raises:
        SourceError: the file says that it is part of a set, but is not, or it cannot be read.
    """
    for family in FAMILIES:
        if (opener := family.opener_of(folder, name, folders)) is not None:
            return folders.once((family.NAME, opener), lambda: _together(family, opener, folders))  # noqa: B023
    return None


def family_of(reader: str | None) -> str | None:
    """Return what people call the family whose sets a class of Bio-Formats reads; None where there is none."""
    return next((family.NAME for family in FAMILIES if reader == family.READER), None)


def check_together(reader: str | None, files: Sequence[SourceFile], look_into: LookInto) -> None:
    """Compare the settled files of a set with each other, where there is anything to compare.

    Raises:
        SourceError: they do not fit together.
    """
    if reader == ics.READER:
        ics.check(files, look_into)
    elif reader == dicom.READER:
        dicom.check(files, look_into)


def _together(family: Family, opener: str, folders: Folders) -> FoundSet:
    try:
        return family.put_together(opener, folders)
    except SourceError as error:
        return FoundSet(family.NAME, family.READER, (opener,), wrong=error)
