"""Puts settled files together by the rules of any import, and says of each file to which fileset it belongs."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from flows.core.control import Control
from flows.core.errors import NothingImportable, RequestError, SourceAway
from flows.core.requests import Failure, Fileset
from flows.core.settings import Root, Verification
from flows.core.sweep.case import Case
from flows.core.sweep.definition import SweepDefinition
from flows.core.verify.expand import Expansion, expand
from flows.core.verify.roots import Access

AT_ONCE = 500
"""Files that are expanded together: they share what has to be listed for them."""

Place = tuple[Case, str]
"""A folder's case, and a name in it; empty for a folder that is a set."""


class Decider(Protocol):
    """Hears what became of the files."""

    def found(self, fileset: Fileset, places: list[Place]) -> None:
        """These belong to a fileset."""

    def refused(self, case: Case, names: list[str], failure: Failure) -> None:
        """These, all of one folder, cannot be put together."""


class Grouping:
    """Files, put together."""

    def __init__(
        self, definition: SweepDefinition, verification: Verification, control: Control, decider: Decider
    ) -> None:
        """Take what is asked, and who hears the answers."""
        self._verification = verification
        self._control = control
        self._decider = decider
        self._sets: dict[str, Fileset] = {}
        """Filesets of several files that were found, by each of their files: they need not be asked for again."""
        # Whose the files are is decided elsewhere; here a path has to lie below the sweep's own folder.
        self._access = Access(user="", groups=(), roots={"sweep": Root(path=definition.root, everyone=True)})

    def conclude(self, sources: Mapping[str, Place]) -> None:
        """Have it decided about all filesets that these files belong to.

        Raises:
            SourceAway: the share does not answer any more.
        """
        left = dict(sources)
        for path in [each for each in left if each in self._sets]:
            self._decider.found(self._sets[path], [left.pop(path)])
        while left:
            paths = list(islice(left, AT_ONCE))
            self._together(paths, left)
            for path in paths:
                if path in left:
                    self._alone(path, left.pop(path))

    def _together(self, paths: list[str], left: dict[str, Place]) -> None:
        """Have it decided about what these stand for, and take them from `left`; some may stay."""
        try:
            expansion = self._expanded(paths)
        except RequestError:
            return
        for fileset in expansion.filesets:
            if sources := _sources_of(fileset, left):
                self._found(fileset, [left.pop(path) for path in sources])
        told: dict[Failure, list[str]] = {}
        failures = {failure.which: failure for failure in expansion.refused}
        for path in (each for each in paths if each in left):
            which = expansion.refused_with.get(path, path)
            if failure := failures.get(which) or _nearest(path, failures.values()):
                told.setdefault(failure, []).append(path)
        for failure, sources in told.items():
            self._refused(failure, {path: left.pop(path) for path in sources})

    def _alone(self, path: str, place: Place) -> None:
        """Whatever is said is about this one."""
        try:
            expansion = self._expanded([path])
        except RequestError as too_many:
            expansion = Expansion(refused=(Failure.of(too_many.about(path)),))
        for fileset in expansion.filesets:
            self._found(fileset, [place])
        if not expansion.filesets:
            failures = expansion.refused or (Failure.of(NothingImportable(which=path)),)
            self._refused(failures[0], {path: place})

    def _expanded(self, paths: list[str]) -> Expansion:
        expansion = expand(
            paths, access=self._access, settings=self._verification, control=self._control, found_by_chance=True
        )
        for failure in expansion.refused:
            if failure.code == SourceAway().code:
                raise SourceAway(failure.what, which=failure.which, advice=failure.advice)
        return expansion

    def _found(self, fileset: Fileset, places: list[Place]) -> None:
        if len(fileset.files) > 1 and places[0][1]:
            self._sets |= dict.fromkeys((file.client_path for file in fileset.files), fileset)
        self._decider.found(fileset, places)

    def _refused(self, failure: Failure, sources: Mapping[str, Place]) -> None:
        """Have it decided in the folder of what it is told of; parts of it in other folders are only counted."""
        home, _ = sources.get(failure.which) or next(iter(sources.values()))
        for case, names in _by_case(sources.values()):
            if case is home:
                self._decider.refused(case, names, failure)
            else:
                for name in names:
                    case.skip(failure.code, name, f"It is a part of what {failure.which} opens: {failure.what}")


def _sources_of(fileset: Fileset, sources: Mapping[str, Place]) -> list[str]:
    """Return which sources a fileset came of: files of it, or the folder that it is."""
    if files := [file.client_path for file in fileset.files if file.client_path in sources]:
        return files
    return [folder for folder in _above(fileset.files[0].client_path) if folder in sources][:1]


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _nearest(path: str, failures: Iterable[Failure]) -> Failure | None:
    """Return the failure that is told of what lies nearest to a path of which nothing is said itself.

    Why a set cannot be imported is said once, of one of its files.
    """
    of_sets = (each for each in failures if each.code != NothingImportable().code)
    return max(of_sets, key=lambda each: len(posixpath.commonpath([path, each.which or "/"])), default=None)


def _by_case(places: Iterable[Place]) -> list[tuple[Case, list[str]]]:
    cases: dict[int, tuple[Case, list[str]]] = {}
    for case, name in places:
        cases.setdefault(id(case), (case, []))[1].append(name)
    return list(cases.values())
