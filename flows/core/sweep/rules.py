"""Which names a sweep does not look at, and by which rule; knows patterns only, no disk."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase, translate
from pathlib import PurePath
from typing import NamedTuple

from flows.core.afterwards.names import is_set_aside
from flows.core.sweep.definition import Instrument, SweepDefinition

SIDECARS = frozenset({"import.yml", "metadata.csv"})
_WILD = re.compile(r"[*?\[]")
_PLACE = re.compile(r"\{(stem|file|folder)\}")


class LeftOut(NamedTuple):
    """Why a name is not looked at."""

    code: str
    reason: str


class Patterns:
    """Patterns as a definition has them; compared in lower case. Those of names alone cost well below a microsecond."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Sort them by what they cost: beginnings, endings and whole names need no regular expression."""
        self._all = tuple(patterns)
        lower = [each.lower().removeprefix("/") for each in self._all]
        paths = [each for each in lower if "/" in each]
        names = [each for each in lower if "/" not in each]
        self._ends = tuple(each[1:] for each in names if each[0] == "*" and not _WILD.search(each[1:]))
        self._starts = tuple(each[:-1] for each in names if each[-1] == "*" and not _WILD.search(each[:-1]))
        self._whole = frozenset(each for each in names if not _WILD.search(each))
        easy = {f"*{each}" for each in self._ends} | {f"{each}*" for each in self._starts} | self._whole
        self.simple = (self._ends, self._starts, self._whole)
        """Endings, beginnings and whole names."""
        self._names = _compiled(each for each in names if each not in easy)
        self._paths = _compiled(paths)

    @property
    def is_simple(self) -> bool:
        """Whether there are no others than these."""
        return self._names is None and self._paths is None

    def match(self, name: str, folder: str) -> bool:
        """Compare a name, and its path below the root; `folder` is its folder's. Both are in lower case."""
        return (
            name.endswith(self._ends)
            or name.startswith(self._starts)
            or name in self._whole
            or (self._names is not None and self._names.match(name) is not None)
            or (self._paths is not None and self._paths.match(below(folder, name)) is not None)
        )

    def first(self, name: str, folder: str) -> str:
        """Return the first one that matches, as it was written."""
        return next((each for each in self._all if Patterns((each,)).match(name, folder)), "")


def _compiled(patterns: Iterable[str]) -> re.Pattern[str] | None:
    texts = [translate(each) for each in patterns]
    return re.compile("|".join(texts)) if texts else None


def below(folder: str, name: str) -> str:
    """Return the path below the root of a name in a folder; the root's own is empty."""
    return f"{folder}/{name}" if folder else name


class FolderRules:
    """The rules in one folder: those of the definition, and of the instruments that write there."""

    def __init__(self, rules: "Rules", instruments: frozenset[str]) -> None:
        """Take the rules of the sweep, and the names of the instruments."""
        self._rules = rules
        self.instruments = instruments
        files = rules.definition.files
        ignored = [each for name in sorted(instruments) for each in files.instruments[name].ignore]
        self._not_files = Patterns((*files.temporary, *files.exclude, *ignored))
        self._not_folders = Patterns((*files.exclude, *ignored))
        self._excluded = Patterns(files.exclude)
        self._temporary = Patterns(files.temporary)
        self._hidden = files.hidden
        self._everything = "*" in files.include
        self._include = Patterns(files.include)
        self._special = rules.special

    def leaves_out_file(self, name: str, folder: str) -> bool:
        """Say whether a file is not looked at; both in lower case, the folder below the root."""
        return (
            (name[0] == "." and not self._hidden)
            or self._not_files.match(name, folder)
            or not (self._everything or self._include.match(name, folder))
            or (self._special is not None and self._special.match(name, folder))
        )

    def left_out(self, names: Iterable[str], folder: str) -> list[str]:
        """Return which files of a folder are not looked at: as above, for very many."""
        if not (self._everything and self._special is None and self._not_files.is_simple):
            return [name for name in names if self.leaves_out_file(name.lower(), folder)]
        ends, starts, whole = self._not_files.simple
        if not self._hidden:
            starts = (*starts, ".")
        found = []
        for name in names:
            lower = name.lower()
            if lower.endswith(ends) or lower.startswith(starts) or lower in whole:
                found.append(name)
        return found

    def why_file(self, name: str, folder: str) -> LeftOut | None:
        """Say why a file is not looked at; None where it is."""
        lower, folder = name.lower(), folder.lower()
        if not self.leaves_out_file(lower, folder):
            return None
        if self._special is not None and self._special.match(lower, folder):
            return LeftOut("companion", "It is read by the sweep itself: a marker or a sidecar.")
        if self._temporary.match(lower, folder):
            pattern = self._temporary.first(lower, folder)
            return LeftOut("temporary", f"Its name, like {pattern}, is that of a file that is still being written.")
        return self._why(lower, folder) or LeftOut("not-included", "No pattern of files.include is like it.")

    def why_folder(self, name: str, folder: str) -> LeftOut | None:
        """Say why a folder, and all that is in it, is not looked at; None where it is."""
        lower, folder = name.lower(), folder.lower()
        if not folder and is_set_aside(PurePath(name)):
            return LeftOut("set-aside", f"In {name}/ lies what sweeps themselves put there: it is never looked into.")
        if (lower[0] == "." and not self._hidden) or self._not_folders.match(lower, folder):
            return self._why(lower, folder)
        return None

    def _why(self, name: str, folder: str) -> LeftOut | None:
        if name[0] == "." and not self._hidden:
            return LeftOut("hidden", "Its name begins with a dot, and files.hidden is off.")
        if self._excluded.match(name, folder):
            return LeftOut("excluded", f"It is like {self._excluded.first(name, folder)} in files.exclude.")
        for instrument in sorted(self.instruments):
            patterns = Patterns(self._rules.definition.files.instruments[instrument].ignore)
            if patterns.match(name, folder):
                return LeftOut("instrument", f"{instrument} leaves it beside images: {patterns.first(name, folder)}.")
        return None

    def inside(self, name: str, folder: str) -> "FolderRules":
        """Return the rules in a folder of this one; `folder` is this one's path below the root."""
        return self._rules.having(self.instruments | self._rules.writing_to(name.lower(), folder.lower()))


class Rules:
    """All rules of a definition."""

    def __init__(self, definition: SweepDefinition) -> None:
        """Compile them once."""
        self.definition = definition
        self._by_instruments: dict[frozenset[str], FolderRules] = {}
        self._writes = {name: Patterns(each.folders) for name, each in definition.files.instruments.items()}
        self.special = _read_by_the_sweep(definition)

    @property
    def root(self) -> FolderRules:
        """The rules in the root itself."""
        instruments = self.definition.files.instruments.items()
        return self.having(frozenset(name for name, each in instruments if _writes_everywhere(each)))

    def left_out(self, path: str, *, folder: bool = False) -> tuple[str, LeftOut] | None:
        """Return which part of a path below the root is not looked at, and why; None where it is looked at."""
        rules, above = self.root, ""
        *folders, name = path.split("/")
        if folder:
            folders.append(name)
        for depth, each in enumerate(folders, 1):
            if why := rules.why_folder(each, above):
                return below(above, each), why
            if depth > self.definition.files.depth:
                return below(above, each), self.too_deep
            rules, above = rules.inside(each, above), below(above, each)
        why = None if folder else rules.why_file(name, above)
        return None if why is None else (path, why)

    @property
    def too_deep(self) -> LeftOut:
        """Why a folder is not looked into that lies deeper than wanted."""
        depth = self.definition.files.depth
        return LeftOut("too-deep", f"It lies more than {depth} folders below the root: see files.depth.")

    def having(self, instruments: frozenset[str]) -> FolderRules:
        """Return the rules where these instruments write."""
        if instruments not in self._by_instruments:
            self._by_instruments[instruments] = FolderRules(self, instruments)
        return self._by_instruments[instruments]

    def writing_to(self, name: str, folder: str) -> frozenset[str]:
        """Return the instruments whose patterns are like a folder."""
        return frozenset(key for key, patterns in self._writes.items() if patterns.match(name, folder))


def _writes_everywhere(instrument: Instrument) -> bool:
    return "*" in instrument.folders


def _read_by_the_sweep(definition: SweepDefinition) -> Patterns | None:
    """Return the names of markers and sidecars."""
    names: list[str] = []
    if definition.settled.marker:
        names.append(_PLACE.sub("*", definition.settled.marker))
    if definition.assign.sidecars or definition.settled.sidecar:
        names += SIDECARS
    return Patterns(names) if names else None


def marker_for(marker: str, name: str, folder: str, names: Iterable[str]) -> bool:
    """Say whether the marker of the file or folder `name` is among the names beside it."""
    lower = name.lower()
    stems = {lower.rpartition(".")[0] or lower, re.sub(r"(\.ome|\.companion)?\.[^.]*$", "", lower) or lower}
    wanted = {_filled(marker.lower(), stem, lower, folder.lower()) for stem in stems}
    return any(fnmatchcase(each.lower(), pattern) for each in names for pattern in wanted)


def _filled(marker: str, stem: str, name: str, folder: str) -> str:
    values = {"stem": stem, "file": name, "folder": folder}
    return _PLACE.sub(lambda found: _literally(values[found[1]]), marker)


def _literally(text: str) -> str:
    return re.sub(r"[*?\[]", lambda wild: f"[{wild[0]}]", text)
