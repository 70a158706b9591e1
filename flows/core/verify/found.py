"""Collects what the sources of a request stand for: each file and each set once, and why something is refused."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from flows.core.errors import NothingImportable, RequestError, SourceError
from flows.core.remotes import Look
from flows.core.requests import Failure, Fileset, Frozen, SourceFile
from flows.core.sources import is_at_or_below
from flows.core.verify.families import FoundSet
from flows.core.verify.folders import Folders
from flows.core.verify.sets import belongs_to_a_set


class Expansion(Frozen):
    """What the sources of a request stand for."""

    filesets: tuple[Fileset, ...] = ()
    """Source by source as asked for; within a folder sets by what opens them, then single files by name, and its own
    before those of folders below."""
    refused: tuple[Failure, ...] = ()
    refused_with: dict[str, str] = Field(default_factory=dict)
    """Further files that were asked for of a set that was refused: under which path that stands in `refused`."""
    passed_over: int = 0
    """Files in the folders that are no images."""


class Found:
    """What was found so far."""

    def __init__(self, most: int, *, asked: bool = False) -> None:
        """Begin with nothing; more than `most` files are too many.

        `asked`: of sets that we cannot put together Bio-Formats was asked.
        """
        self._most, self._asked = most, asked
        self._filesets: dict[tuple[str, ...], Fileset] = {}
        """By resolved paths: what two sources name is imported once."""
        self._count = 0
        self._known: set[tuple[str, ...]] = set()
        """Sets that were taken up or refused, as their family names their files."""
        self._members: dict[str, tuple[str, ...]] = {}
        """Files of these, as the user named them, and all files of their set."""
        self._wrong: dict[tuple[str, ...], str] = {}
        """Sets that were refused, and for which file that was said."""
        self._refused_with: dict[str, str] = {}
        self._folders: set[str] = set()
        """Folders that belong to them."""
        self._parts: dict[tuple[str, str], list[str]] = {}
        """Files of sets that cannot be put together, by kind and uppermost folder."""
        self._why: dict[tuple[str, str], SourceError] = {}
        """What Bio-Formats said of these."""
        self._refused: list[Failure] = []
        self.passed_over = 0
        self.accounted = 0
        """How often something was taken or refused, what was seen before included."""

    @contextmanager
    def refusing(self, which: str) -> Iterator[None]:
        """Note what cannot be imported and why, and go on."""
        try:
            yield
        except SourceError as refusal:
            self.accounted += 1
            self._refused.append(Failure.of(refusal.about(which)))

    def take(self, path: str, real: str, look: os.stat_result | Look) -> None:
        """Take up a file that is an image by itself."""
        self._add((source_file(path, real, look),))

    def take_set(self, found: FoundSet, asked: str, folders: Folders) -> None:
        """Take up the set of the file `asked`, unless it was before.

        Raises:
            SourceError: it cannot be imported; said once.
        """
        self.accounted += 1
        if found.files in self._known:
            self._note_refused_with(asked, found.files)
            return
        self._known.add(found.files)
        self._members.update(dict.fromkeys(found.files, found.files))
        self._folders.update(found.folders)
        if found.wrong is not None:
            wrong = found.wrong.about(asked)
            self._wrong[found.files] = wrong.which
            self._note_refused_with(asked, found.files)
            raise wrong
        files = tuple(_source_file(each, folders) for each in found.files)
        self._add(files, Fileset(files=files, reader=found.reader, format=found.family, plate=found.plate))

    def take_part(self, kind: str, folder: str, path: str, why: SourceError | None = None) -> None:
        """Note a part of a set that cannot be put together, and why, where somebody said it.

        All become one refusal, told of the uppermost folder, for the first reason.
        """
        self.accounted += 1
        uppermost = next(
            (above for known, above in self._parts if known == kind and is_at_or_below(folder, above)), folder
        )
        self._parts.setdefault((kind, uppermost), []).append(path)
        if why is not None:
            self._why.setdefault((kind, uppermost), why)

    def has_file(self, path: str) -> bool:
        """Say whether a file is in a set that was taken up or refused; that then counts for it as well."""
        if path not in self._members:
            return False
        self.accounted += 1
        self._note_refused_with(path, self._members[path])
        return True

    def has_folder(self, path: str) -> bool:
        """Say whether a folder belongs to such a set as a whole."""
        return path in self._folders

    def expansion(self) -> Expansion:
        """Put it together."""
        parts = (
            belongs_to_a_set(
                kind,
                members[0] if len(members) == 1 else folder,
                len(members),
                asked=self._asked,
                why=self._why.get((kind, folder)),
            )
            for (kind, folder), members in self._parts.items()
        )
        return Expansion(
            filesets=tuple(self._not_in_larger_ones()),
            refused=(*self._refused, *map(Failure.of, parts)),
            refused_with=self._refused_with,
            passed_over=self.passed_over,
        )

    def _note_refused_with(self, path: str, files: tuple[str, ...]) -> None:
        if (which := self._wrong.get(files)) is not None and which != path:
            self._refused_with[path] = which

    def _add(self, files: tuple[SourceFile, ...], fileset: Fileset | None = None) -> None:
        self.accounted += 1
        key = tuple(file.path for file in files)
        if key in self._filesets:
            return
        self._filesets[key] = fileset or Fileset(files=files)
        self._count += len(files)
        if self._count > self._most:
            raise RequestError(
                f"The sources hold more than {self._most:,} files of images.",
                advice="Ask for them in several imports, for example folder by folder.",
            )

    def _not_in_larger_ones(self) -> Iterator[Fileset]:
        """Yield the filesets, but none whose files are all in another: that one was found later."""
        holders: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
        for key in self._filesets:
            if len(key) > 1:
                whole = frozenset(key)
                for path in whole:
                    holders[path].append(whole)
        for key, fileset in self._filesets.items():
            if not any(whole > frozenset(key) for whole in holders.get(key[0], ())):
                yield fileset


def _source_file(path: str, folders: Folders) -> SourceFile:
    real = folders.real(path)
    look = folders.look(path, real)
    if not stat.S_ISREG(look.st_mode):
        raise NothingImportable("It is a device, pipe or socket, not a file.", which=path)
    return source_file(path, real, look)


def source_file(path: str, real: str, look: os.stat_result | Look) -> SourceFile:
    """Return a file as it looks."""
    version = look.version if isinstance(look, Look) else ""
    return SourceFile(path=real, client_path=path, size=look.st_size, mtime_ns=look.st_mtime_ns, version=version)
