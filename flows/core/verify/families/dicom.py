"""DICOM: the files of one series in a folder, or all images that a DICOMDIR names.

As Bio-Formats reads them (DicomReader.makeFileList): files of one folder are of one series when number, specimen and
date are the same and their times less than 150 seconds apart; a file that does not say these is imported alone.
"""

import posixpath
from collections import defaultdict
from collections.abc import Sequence

from flows.core.errors import NothingImportable, SourceBroken, SourceEmpty, SourceError
from flows.core.remotes import normal
from flows.core.requests import SourceFile
from flows.core.verify.dicom import Header, begins_as_dicom, check_pixels, images_named, read_header
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.peek import LookInto

NAME = "DICOM"
READER = "loci.formats.in.DicomReader"
_DIRECTORY = "DICOMDIR"
OPENERS: tuple[str, ...] = (_DIRECTORY.lower(),)
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
_APART = 150_000_000
"""Microseconds."""


def opener_of(folder: Folder, name: str, folders: Folders) -> str | None:
    """Return the DICOMDIR, or the first file of the series by name."""
    path = folder.within(name)
    if name == _DIRECTORY:
        return path
    if not _may_be_one(path, name, folders):
        return None
    return folders.once(("series in", folder.path), lambda: _series(folder, folders)).get(path, (path,))[0]


def put_together(opener: str, folders: Folders) -> FoundSet:
    """Return all images that a DICOMDIR names, or the files of a series."""
    home, name = posixpath.split(opener)
    if name == _DIRECTORY:
        return _named_in(opener, folders)
    header = _header(opener, folders)
    if not header.has_image:
        raise NothingImportable("It is a DICOM file without an image.", which=opener)
    series = folders.once(("series in", home), lambda: _series(folders.at(home), folders))
    return FoundSet(NAME, READER, series.get(opener, (opener,)))


def check(files: Sequence[SourceFile], look_into: LookInto) -> None:
    """Check that the pixels of each file are all there.

    Raises:
        SourceBroken: they are not.
    """
    for each in files:
        if posixpath.basename(each.client_path) == _DIRECTORY:
            continue
        with look_into(each) as file:
            try:
                check_pixels(file)
            except SourceBroken as broken:
                raise broken.about(each.client_path) from broken.__cause__


def _may_be_one(path: str, name: str, folders: Folders) -> bool:
    """Say whether a file is DICOM: by its suffix, or where it has none but a number, by how it begins."""
    suffix = posixpath.splitext(name)[1].lower()
    if suffix in _SUFFIXES:
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    return folders.once(("is DICOM", path), lambda: _begins_as_one(path, folders))


def _begins_as_one(path: str, folders: Folders) -> bool:
    with folders.peeking(path) as file:
        return begins_as_dicom(file)


def _named_in(directory: str, folders: Folders) -> FoundSet:
    home = posixpath.dirname(directory)
    with folders.peeking(directory) as file:
        images = [normal(f"{home}/{each}") for each in images_named(file)]
    if not images:
        raise SourceBroken("It names no image.", which=directory)
    missing = [each for each in images if not folders.has(each)]
    there = tuple(dict.fromkeys(each for each in (directory, *images) if each not in set(missing)))
    return FoundSet(NAME, READER, there, wrong=incomplete(missing, home, folders) if missing else None)


def _header(path: str, folders: Folders) -> Header:
    return folders.once(("DICOM header of", path), lambda: _read(path, folders))


def _read(path: str, folders: Folders) -> Header:
    with folders.peeking(path) as file:
        if file.size == 0:
            raise SourceEmpty(which=path)
        try:
            return read_header(file)
        except SourceBroken as broken:
            raise broken.about(path) from broken.__cause__


def _series(folder: Folder, folders: Folders) -> dict[str, tuple[str, ...]]:
    """Return, for each file of a series in a folder, all files of that series."""
    alike: defaultdict[tuple[int | None, str, str], list[tuple[str, int]]] = defaultdict(list)
    for name in folder.names:
        path = folder.within(name)
        if name == _DIRECTORY or name not in folder.files or not _may_be_one(path, name, folders):
            continue
        try:
            header = _header(path, folders)
        except SourceError:
            continue
        if header.has_image and header.is_of_a_series and header.time is not None:
            alike[header.series, header.specimen, header.date].append((path, header.time))
    found: dict[str, tuple[str, ...]] = {}
    for files in alike.values():
        while files:
            begins = files[0][1]
            together = tuple(path for path, time in files if abs(time - begins) < _APART)
            found.update(dict.fromkeys(together, together))
            files[:] = [each for each in files if abs(each[1] - begins) >= _APART]
    return found
