"""Gathers what is known of a file that a sweep found, from its path, the table and sidecars; decides nothing."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flows.core.errors import Unassigned
from flows.core.requests import SourceFile
from flows.core.sweep.definition import DESTINATIONS, SweepDefinition
from flows.core.sweep.sidecars import NOTHING, RIVALS, Sidecar, Sidecars
from flows.core.sweep.templates import Filling, Folders
from flows.core.sweep.texts import read_table

_OF_ONE_FILE = frozenset({"file", "stem", "date"})
"""Variables that differ within a folder."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """What is known of a file."""

    sure: Mapping[str, str]
    """Variables that no sidecar had a say in."""
    variables: Mapping[str, str]
    """Those, and what sidecars say."""
    places: Mapping[str, str]
    """Where it goes, by the latest source that says so: `target`, `screen`, or `project` and `dataset`."""
    sidecar: Sidecar


@dataclass(frozen=True)
class _Folder:
    """What is the same for all files of a folder."""

    below: tuple[str, ...]
    """The folders from the root on."""
    variables: Mapping[str, str]
    """Those that every file has."""
    read: Mapping[str, str]
    """What the path template reads in them."""
    sidecar: Sidecar


class Variables:
    """The variables of the files of one sweep."""

    def __init__(self, definition: SweepDefinition, used: Collection[str], sidecars: Sidecars) -> None:
        """Read the mapping table, where there is one; `used` are the variables that somebody asks for.

        Raises:
            Misdefined: it is faulty.
            SourceError: it cannot be read.
        """
        assign = definition.assign
        self._root = str(definition.root).rstrip("/")
        self._path = Folders(assign.path) if assign.path else None
        self._pattern = re.compile(assign.pattern) if assign.pattern else None
        self._key = Filling(assign.table.key) if assign.table else None
        self._table = read_table(str(assign.table.file)) if assign.table else None
        self._sidecars = sidecars if assign.sidecars else None
        self._folders: dict[str, _Folder | Unassigned] = {}
        self._asked = {*used, *(self._key.variables if self._key else ())} - assign.from_path
        columns = self._table.columns if self._table else ()
        self._names_user = assign.user is not None or "user" in {*assign.from_path, *columns}

    @property
    def same_in_a_folder(self) -> bool:
        """Whether nothing that is asked for differs within a folder."""
        return self._pattern is None and not self._asked & _OF_ONE_FILE

    def of(self, file: SourceFile) -> Known:
        """Gather them.

        Raises:
            Unassigned: something that the definition counts on is not there, or faulty.
            SourceAway: the share does not answer.
        """
        path, _, name = file.client_path.rpartition("/")
        folder = self._folder(path)
        sure = {**folder.variables, "file": name, "stem": name.rpartition(".")[0] or name}
        if "date" in self._asked:
            sure["date"] = _day(file.mtime_ns)
        places: Mapping[str, str] = {}
        for said in self._from_path_and_table(folder, name, sure):
            sure.update(said)
            places = laid_over(places, said)
        told = folder.sidecar.destinations
        if self._names_user:
            told.pop("user", None)
        return Known(sure, {**sure, **told}, laid_over(places, told), folder.sidecar)

    def _from_path_and_table(self, folder: _Folder, name: str, sure: Mapping[str, str]) -> list[Mapping[str, str]]:
        layers = [folder.read]
        if self._pattern is not None:
            layers.append(_found(self._pattern, "/".join((*folder.below, name))))
        if self._table is not None and self._key is not None:
            key = self._key.fill({name: value for layer in (sure, *layers) for name, value in layer.items()})
            if (row := self._table.look_up(key)) is None:
                raise Unassigned(
                    f"The table {self._table.path} has no row for {key!r}.", advice="Add a row that begins with it."
                )
            layers.append(row)
        return layers

    def _folder(self, path: str) -> _Folder:
        if path not in self._folders:
            try:
                self._folders[path] = self._looked_at(path)
            except Unassigned as refused:
                self._folders[path] = refused
        known = self._folders[path]
        if isinstance(known, Unassigned):
            raise known.with_traceback(None)
        return known

    def _looked_at(self, path: str) -> _Folder:
        if path != self._root and not path.startswith(self._root + "/"):
            raise Unassigned(f"It does not lie below {self._root}.")
        relative = path[len(self._root) + 1 :]
        below = tuple(relative.split("/")) if relative else ()
        return _Folder(
            below,
            {"folder": path.rpartition("/")[2], "relative": relative},
            self._path.read(below) if self._path is not None else {},
            self._sidecars.of(path) if self._sidecars is not None else NOTHING,
        )


def laid_over(places: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    """Add what a stronger source says of where it goes; what cannot be together with that is dropped."""
    if not (named := [name for name in DESTINATIONS if name in said]):
        return places
    dropped = {rival for name in named for rival in RIVALS.get(name, ())}
    kept = {name: value for name, value in places.items() if name not in dropped}
    return {**kept, **{name: said[name] for name in named}}


def _found(pattern: re.Pattern[str], path: str) -> dict[str, str]:
    """Return the named groups that are not empty."""
    if (found := pattern.search(path)) is None:
        raise Unassigned(f"{path!r} does not fit the pattern {pattern.pattern}.", advice="Rename it so that it does.")
    return {name: value for name, value in found.groupdict().items() if value}


def _day(mtime_ns: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=mtime_ns // 1000)).date().isoformat()
    except OverflowError as wrong:
        raise Unassigned(
            "The time of its last change is no date.", advice="Check the clock of the instrument; touch the file."
        ) from wrong
