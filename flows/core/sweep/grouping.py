"""Puts settled files together by the rules of any import, and says of each file to which fileset it belongs."""

from collections import defaultdict
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

Sources = Mapping[str, tuple[Case, str]]
"""By path, the folder's case and the name in it; empty for a folder that is a set."""


class Decider(Protocol):
    """Hears what became of the sources."""

    def found(self, fileset: Fileset, sources: list[tuple[Case, str]]) -> None:
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
        # Whose the files are is decided elsewhere; here a path has to lie below the sweep's own folder.
        self._access = Access(user="", groups=(), roots={"sweep": Root(path=definition.root, everyone=True)})

    def conclude(self, sources: Sources) -> None:
        """Have it decided about all filesets that these files belong to.

        Raises:
            SourceAway: the share does not answer any more.
        """
        paths = iter(sources)
        while group := {path: sources[path] for path in islice(paths, AT_ONCE)}:
            for path in self._several(group):
                self._alone(path, *group[path])

    def _several(self, sources: Sources) -> list[str]:
        """Have it decided about what these stand for, and return those of which nothing was said."""
        left = dict(sources)
        try:
            expansion = self._expanded(list(sources))
        except RequestError:
            return list(left)
        for fileset in expansion.filesets:
            if paths := _sources_of(fileset, sources):
                self._decider.found(fileset, [sources[path] for path in paths])
            for path in paths:
                left.pop(path, None)
        with_it: defaultdict[str, list[str]] = defaultdict(list)
        for path, which in expansion.refused_with.items():
            with_it[which].append(path)
        for failure in expansion.refused:
            further = [each for each in with_it[failure.which] if each in left]
            paths = (
                [failure.which, *further]
                if failure.which in left
                else further or [each for each in left if is_at_or_below(each, failure.which)]
            )
            for case, names in _by_case(left.pop(path) for path in paths):
                self._decider.refused(case, names, failure)
        return list(left)

    def _alone(self, path: str, case: Case, name: str) -> None:
        """Whatever is said is about this one."""
        try:
            expansion = self._expanded([path])
        except RequestError as too_many:
            expansion = Expansion(refused=(Failure.of(too_many.about(path)),))
        for fileset in expansion.filesets:
            self._decider.found(fileset, [(case, name)])
        if not expansion.filesets:
            failures = expansion.refused or (Failure.of(NothingImportable(which=path)),)
            self._decider.refused(case, [name], failures[0])

    def _expanded(self, paths: list[str]) -> Expansion:
        expansion = expand(paths, access=self._access, settings=self._verification, control=self._control)
        for failure in expansion.refused:
            if failure.code == SourceAway().code:
                raise SourceAway(failure.what, which=failure.which, advice=failure.advice)
        return expansion


def _sources_of(fileset: Fileset, sources: Sources) -> list[str]:
    """Return which sources a fileset came of: files of it, or the folder that it is."""
    if files := [file.client_path for file in fileset.files if file.client_path in sources]:
        return files
    return [folder for folder in _above(fileset.files[0].client_path) if folder in sources][:1]


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _by_case(places: Iterable[tuple[Case, str]]) -> list[tuple[Case, list[str]]]:
    cases: dict[int, tuple[Case, list[str]]] = {}
    for case, name in places:
        cases.setdefault(id(case), (case, []))[1].append(name)
    return list(cases.values())


def is_at_or_below(path: str, folder: str) -> bool:
    """Say whether a path is a folder's, or that of something in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
