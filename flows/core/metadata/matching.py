"""Says which row of a table speaks of which fileset: the one that names it most closely; pure.

A path beats the end of a path, that a name, that a pattern, and any of them the folder that a file lies in.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from flows.core.errors import SourceSyntax
from flows.core.metadata.table import MetadataRow, MetadataTable, Problem
from flows.core.requests import Fileset
from flows.core.sources import Source

_PLACES_TOLD = 3


class Closeness(IntEnum):
    """How closely a row names a file; the closest counts."""

    FOLDER = 0
    PATTERN = 1
    NAME = 2
    END = 3
    PATH = 4


class Match(NamedTuple):
    """What a table says of filesets."""

    rows: Mapping[str, MetadataRow]
    """By the key of the fileset."""
    problems: tuple[Problem, ...]
    """Rows that speak of several files where one is meant, or of the same file as others."""
    unmatched: tuple[MetadataRow, ...]
    """Rows that speak of no file."""


def match(table: MetadataTable, filesets: Sequence[Fileset]) -> Match:
    """Find for each fileset the row that speaks of it."""
    index = _Index(filesets)
    claims: defaultdict[str, list[tuple[Closeness, int, MetadataRow]]] = defaultdict(list)
    problems: list[Problem] = []
    unmatched: list[MetadataRow] = []
    for row in table.rows:
        closeness, depth, found = index.spoken_of(row.file)
        if not found:
            unmatched.append(row)
        elif closeness in (Closeness.NAME, Closeness.END) and len(found) > 1:
            problems.append(Problem(row.row, _ambiguous(row.file, found)))
        for fileset in found:
            claims[fileset.key].append((closeness, depth, row))
    chosen: dict[str, MetadataRow] = {}
    for fileset in filesets:
        if claim := claims.get(fileset.key):
            best = max((closeness, depth) for closeness, depth, _ in claim)
            rows = [row for closeness, depth, row in claim if (closeness, depth) == best]
            chosen[fileset.key] = rows[0]
            problems += _rivals(fileset, rows)
    return Match(chosen, tuple(dict.fromkeys(problems)), tuple(unmatched))


def _rivals(fileset: Fileset, rows: Sequence[MetadataRow]) -> Iterator[Problem]:
    for other in rows[1:]:
        what = f"{fileset.path} is spoken of in row {rows[0].row} already"
        yield Problem(other.row, f"{what}: OMERO imports its files together" if len(fileset.files) > 1 else what)


def _ambiguous(file: str, found: Sequence[Fileset]) -> str:
    places = ", ".join(each.path for each in found[:_PLACES_TOLD])
    more = f" and {len(found) - _PLACES_TOLD:,} more" if len(found) > _PLACES_TOLD else ""
    return f"{file!r} could be {places}{more}: write as much of the path as tells them apart"


class _Index:
    """Filesets by the names and paths of their files."""

    def __init__(self, filesets: Sequence[Fileset]) -> None:
        self._filesets = filesets
        self._by_path: dict[str, Fileset] = {}
        self._by_name: defaultdict[str, dict[str, Fileset]] = defaultdict(dict)
        self._by_folder: defaultdict[str, dict[str, Fileset]] = defaultdict(dict)
        for fileset in filesets:
            for path in _paths_of(fileset):
                self._by_path[path] = fileset
                self._by_name[posixpath.basename(path)][fileset.key] = fileset
            for folder in _above(fileset.path):
                self._by_folder[folder][fileset.key] = fileset

    def spoken_of(self, file: str) -> tuple[Closeness, int, list[Fileset]]:
        """Return how closely, how deeply, and which filesets a cell names."""
        wanted, absolute = _tidy(file)
        parts = wanted.strip("/").split("/")
        if (found := self._by_path.get(wanted)) is not None:
            return Closeness.PATH, 0, [found]
        if not absolute and (named := self._ending(parts)):
            return (Closeness.NAME if len(parts) == 1 else Closeness.END), len(parts), named
        if any(sign in wanted for sign in "*?"):
            fitting = [each for each in self._filesets if any(_fits(path, parts, absolute) for path in _paths_of(each))]
            return Closeness.PATTERN, len(parts), fitting
        if absolute:
            return Closeness.FOLDER, len(parts), list(self._by_folder.get(wanted.rstrip("/"), {}).values())
        return Closeness.NAME, 0, []

    def _ending(self, parts: Sequence[str]) -> list[Fileset]:
        named = self._by_name.get(parts[-1], {}).values()
        if len(parts) == 1:
            return list(named)
        end = "/" + "/".join(parts)
        return [each for each in named if any(path.endswith(end) for path in _paths_of(each))]


def _tidy(file: str) -> tuple[str, bool]:
    """Write a cell as paths of files are written, whichever slashes it has, and say whether it is a whole one."""
    try:
        return Source.parse(file).client_path, True
    except SourceSyntax:
        text = posixpath.normpath(file.replace("\\", "/"))
        return text, text.startswith("/")


def _paths_of(fileset: Fileset) -> Iterator[str]:
    """Yield what a fileset may be called: the path of each of its files, and of what people see as the image."""
    yield fileset.path.replace("\\", "/")
    for file in fileset.files:
        if file.client_path != fileset.path:
            yield file.client_path.replace("\\", "/")


def _above(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path.replace("\\", "/"))
    while folder not in ("", "/"):
        yield folder
        folder = posixpath.dirname(folder)


def _fits(path: str, pattern: Sequence[str], absolute: bool) -> bool:
    """Compare part by part, from the end; `*` stands for no slash."""
    parts = path.strip("/").split("/")
    if len(parts) < len(pattern) or (absolute and len(parts) != len(pattern)):
        return False
    ends = zip(parts[-len(pattern) :], pattern, strict=True)
    return all(fnmatchcase(part, each.replace("[", "[[]")) for part, each in ends)
