"""Reads sweep definitions from their files, and tells every problem of every file with its line; starts nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.core.disk import told_of
from flows.core.errors import Misdefined, SourceError, UnknownSweep
from flows.core.settings import Settings
from flows.core.sweep.checks import faults_of, overlaps, server_of
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.lines import Place, Problem, Reading, read_as
from flows.core.sweep.texts import read_text

__all__ = ["find_sweep", "load_files", "load_sweeps", "schema", "server_of", "sweep_of"]

_ENDINGS = (".yaml", ".yml")
OF_REPORTS = ("-dry-run", "-totals")
"""Endings of the names of reports: the report of one sweep must not be taken for that of another."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""A settings label."""


def load_sweeps(folder: Path, settings: Settings) -> dict[str, SweepDefinition]:
    """Read all definitions of a folder, by name.

    Raises:
        Misdefined: some are faulty; the message has a line for each problem of each file.
        SourceError: the folder cannot be looked into.
    """
    return load_files(_files_of(folder), settings)


def load_files(files: Sequence[Path], settings: Settings) -> dict[str, SweepDefinition]:
    """Read these definitions, by name.

    Raises:
        Misdefined: some are faulty; the message has a line for each problem of each file.
    """
    read = [_File.read(path, settings) for path in files]
    problems = [(file.path.name, problem) for file in read for problem in (*file.problems, *_namesakes(file, read))]
    by_name = {file.name: file for file in read}
    sound = {file.name: file.definition for file in read if file.definition is not None}
    for name, other in overlaps(sound):
        what = f"root: {sound[name].root} and {sound[other].root} of {by_name[other].path.name} overlap"
        problems.append((by_name[name].path.name, Problem(by_name[name].line_of(("root",)), what)))
    if problems:
        raise Misdefined("\n".join(f"{name}:{problem.line}: {problem.what}" for name, problem in sorted(problems)))
    return sound


def find_sweep(folder: Path, name: str, settings: Settings) -> SweepDefinition:
    """Read one definition of a folder; what is wrong with others does not matter.

    Raises:
        UnknownSweep: there is none of that name.
        Misdefined: it is faulty.
        SourceError: the folder cannot be looked into.
    """
    files = _files_of(folder)
    if not (found := [path for path in files if path.stem == name]):
        known = ", ".join(sorted(path.stem for path in files)) or "none"
        raise UnknownSweep(f"There is no sweep named {name!r}; there are: {known}.")
    return load_files(found, settings)[name]


def sweep_of(settings: Settings, name: str) -> SweepDefinition:
    """Read one definition of the folder that the settings name.

    Raises:
        UnknownSweep: there is none of that name, or the settings name no folder.
        Misdefined: it is faulty.
        SourceError: the folder cannot be looked into.
    """
    if settings.sweeps.folder is None:
        raise UnknownSweep(f"There is no sweep named {name!r}: COURIER_SWEEPS__FOLDER names no folder of definitions.")
    return find_sweep(settings.sweeps.folder, name, settings)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a definition, for editors."""
    made = SweepDefinition.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Sweep definition of omero-courier",
    }


@dataclass(frozen=True)
class _File:
    """A definition's file as it was read."""

    path: Path
    reading: Reading[SweepDefinition] | None
    """None where there is no text to be read."""
    problems: tuple[Problem, ...]

    @classmethod
    def read(cls, path: Path, settings: Settings) -> "_File":
        problems: tuple[Problem, ...] = () if _NAME.fullmatch(path.stem) else (Problem(1, _MISNAMED),)
        if path.stem.endswith(OF_REPORTS):
            problems += (Problem(1, f"a name of a sweep does not end in {' or '.join(OF_REPORTS)}"),)
        try:
            reading = read_as(SweepDefinition, read_text(str(path)))
        except Misdefined as wrong:
            line, _, what = wrong.what.removeprefix("line ").partition(": ")
            return cls(path, None, (*problems, Problem(int(line), what)))
        except SourceError as wrong:
            return cls(path, None, (*problems, Problem(1, wrong.what)))
        if reading.value is not None:
            faults = faults_of(reading.value, settings)
            problems += tuple(Problem(reading.line_of(place), f"{_named(place)}: {what}") for place, what in faults)
        return cls(path, reading, problems + reading.problems)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def definition(self) -> SweepDefinition | None:
        return self.reading.value if self.reading is not None else None

    def line_of(self, place: Place) -> int:
        return self.reading.line_of(place) if self.reading is not None else 1


_MISNAMED = (
    "the file's name, without its ending, is the name of the sweep: lower-case letters, digits and dashes, 40 at most"
)


def _namesakes(file: _File, files: Sequence[_File]) -> Iterator[Problem]:
    for other in files:
        if other.name == file.name and other.path.name < file.path.name:
            yield Problem(1, f"{other.path.name} is a sweep of that name, too")


def _files_of(folder: Path) -> list[Path]:
    """List the definitions; a name that begins with a dot is an editor's or the operating system's."""
    with told_of(str(folder)):
        names = sorted(folder.iterdir())
    return [path for path in names if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")]


def _named(place: Place) -> str:
    return ".".join(map(str, place))
