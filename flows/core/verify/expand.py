"""Turns the files and folders of a request into filesets, and says what could not become one.

Reads names, not content.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from flows.core.control import Control, Uncontrolled
from flows.core.disk import told_of
from flows.core.errors import NothingImportable, RequestError, SourceAway, SourceError, SourceMissing, SourceUnreadable
from flows.core.requests import Failure, Fileset, Frozen, SourceFile
from flows.core.settings import Verification
from flows.core.verify.formats import format_of
from flows.core.verify.peek import peeking
from flows.core.verify.roots import Access
from flows.core.verify.sets import Neighbours, belongs_to_a_set, is_dicom


class Expansion(Frozen):
    """What the sources of a request stand for."""

    filesets: tuple[Fileset, ...] = ()
    """Source by source as asked for; within a folder by name, its own files before those of folders below."""
    refused: tuple[Failure, ...] = ()
    passed_over: int = 0
    """Files in the folders that are no images."""


def expand(
    sources: Sequence[str], *, access: Access, settings: Verification, control: Control | None = None
) -> Expansion:
    """Look up what the sources stand for.

    Raises:
        RequestError: they stand for more files than one import may have.
        ImportCancelled: it is not wanted any more.
    """
    found = _Found(settings.max_files)
    for source in sources:
        with found.refusing():
            _take_source(source, found, access, settings, control or Uncontrolled())
    return found.expansion()


class _Found:
    """What was found so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._files: dict[str, SourceFile] = {}
        """By resolved path: a file that two sources name is imported once."""
        self._sets: dict[tuple[str, str], list[str]] = {}
        """Members by kind of set and uppermost folder."""
        self._refused: list[Failure] = []
        self.passed_over = 0
        self.accounted = 0
        """How often something was taken or refused, what was seen before included."""

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Note what cannot be imported and why, and go on."""
        try:
            yield
        except SourceError as refusal:
            self.accounted += 1
            self._refused.append(Failure.of(refusal))

    def take(self, real: str, path: str, look: os.stat_result) -> None:
        """Take up one image."""
        self.accounted += 1
        file = SourceFile(path=real, client_path=path, size=look.st_size, mtime_ns=look.st_mtime_ns)
        self._files.setdefault(real, file)
        if len(self._files) > self._most:
            raise RequestError(
                f"The sources hold more than {self._most:,} images.",
                advice="Ask for them in several imports, for example folder by folder.",
            )

    def take_member(self, kind: str, folder: str, path: str) -> None:
        """Note a part of a set: all of them become one refusal, told of the uppermost folder."""
        self.accounted += 1
        uppermost = next((above for known, above in self._sets if known == kind and _is_below(folder, above)), folder)
        self._sets.setdefault((kind, uppermost), []).append(path)

    def expansion(self) -> Expansion:
        """Put it together."""
        sets = (
            belongs_to_a_set(kind, members[0] if len(members) == 1 else folder, len(members))
            for (kind, folder), members in self._sets.items()
        )
        return Expansion(
            filesets=tuple(Fileset(files=(file,)) for file in self._files.values()),
            refused=(*self._refused, *map(Failure.of, sets)),
            passed_over=self.passed_over,
        )


def _take_source(source: str, found: _Found, access: Access, settings: Verification, control: Control) -> None:
    permit = access.allowed(source)
    real = Path(permit.real_path)
    path = "/" + os.path.normpath(source).lstrip("/")
    try:
        with told_of(path):
            look = real.stat()
    except SourceMissing as missing:
        if access.is_away(permit):
            raise SourceAway("There is nothing at all in the share that holds it.", which=path) from missing
        raise
    if not stat.S_ISDIR(look.st_mode):
        _take_file(real, PurePath(path), look, found)
        return
    accounted, passed_over = found.accounted, found.passed_over
    _Walk(found, access, settings, control).folder(str(real), path, _names(real.parent))
    if found.accounted == accounted:
        others = found.passed_over - passed_over
        held = f"There are {others:,} files in there, but no image that OMERO could import." if others else ""
        raise NothingImportable(held, which=path)


def _take_file(real: Path, path: PurePath, look: os.stat_result, found: _Found) -> None:
    if not stat.S_ISREG(look.st_mode):
        raise NothingImportable("It is a device, pipe or socket, not a file.", which=str(path))
    folder = real.parent
    if kind := Neighbours(str(folder), _names(folder), _names(folder.parent)).set_of(path.name):
        raise belongs_to_a_set(kind, str(path))
    if format_of(path.name) is None:
        raise _unknown(real, path)
    found.take(str(real), str(path), look)


def _unknown(real: Path, path: PurePath) -> SourceError:
    with peeking(str(real), str(path)) as file:
        if is_dicom(file.head(132)):
            return belongs_to_a_set("DICOM", str(path))
    what = f"No image format has file names that end in {path.suffix}." if path.suffix else "Its name has no suffix."
    return NothingImportable(what, which=str(path), advice="Name image files that Bio-Formats reads, or their folder.")


class _Walk:
    """One way down from a source folder; links cannot lead it in a circle."""

    def __init__(self, found: _Found, access: Access, settings: Verification, control: Control) -> None:
        self._found, self._access, self._settings, self._control = found, access, settings, control
        self._visited: set[str] = set()

    def folder(self, real: str, path: str, above: Iterable[str], depth: int = 0) -> None:
        """Take up what is in a folder and below it."""
        self._control.check()
        if depth > self._settings.max_depth:
            raise NothingImportable(f"It lies more than {self._settings.max_depth} folders deep.", which=path)
        if real in self._visited:
            return
        self._visited.add(real)
        with told_of(path):
            entries = sorted(os.scandir(real), key=lambda entry: entry.name)
        names = [entry.name for entry in entries]
        neighbours = Neighbours(real, names, above)
        if kind := neighbours.folder_set:
            raise belongs_to_a_set(kind, path)
        for inner_real, inner_path in self._files_first(entries, path, neighbours):
            with self._found.refusing():
                self.folder(inner_real, inner_path, names, depth + 1)

    def _files_first(
        self, entries: Iterable[os.DirEntry[str]], folder: str, neighbours: Neighbours
    ) -> list[tuple[str, str]]:
        """Take up the files, and return the folders that are to be looked into."""
        below = []
        for entry in entries:
            with self._found.refusing():
                if self._is_excluded(entry.name):
                    continue
                real, path = self._place(entry, folder)
                with told_of(path):
                    is_folder = entry.is_dir()
                if is_folder:
                    below.append((real, path))
                else:
                    self._file(entry, real, path, neighbours)
        return below

    def _file(self, entry: os.DirEntry[str], real: str, path: str, neighbours: Neighbours) -> None:
        if kind := neighbours.set_of(entry.name):
            self._found.take_member(kind, path.rpartition("/")[0], path)
            return
        if format_of(entry.name) is not None:
            with told_of(path):
                look = entry.stat()
            if stat.S_ISREG(look.st_mode):
                self._found.take(real, path, look)
                return
        self._found.passed_over += 1

    def _is_excluded(self, name: str) -> bool:
        return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in self._settings.exclude)

    def _place(self, entry: os.DirEntry[str], folder: str) -> tuple[str, str]:
        """Return where a name really leads, and its client path; a link is judged before it is followed."""
        path = f"{folder.rstrip('/')}/{entry.name}"
        shown = os.fsencode(path).decode("utf-8", "replace")
        if shown != path:
            raise SourceUnreadable("Its name is not valid UTF-8.", which=shown, advice="Rename it.")
        return self._access.allowed(path).real_path if entry.is_symlink() else entry.path, path


def _is_below(folder: str, above: str) -> bool:
    return folder == above or folder.startswith(above.rstrip("/") + "/")


def _names(folder: Path) -> tuple[str, ...]:
    """List a folder; nothing where it may not be listed, which does not keep a file in it from being read."""
    try:
        return tuple(each.name for each in folder.iterdir())
    except OSError:
        return ()
