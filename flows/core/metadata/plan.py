"""Plans, before anything is copied, what is said of each fileset and where it goes; says what does not fit: pure."""

import posixpath
from collections.abc import Sequence

from flows.core.errors import CourierError, TargetUnfit
from flows.core.metadata.matching import Match, match
from flows.core.metadata.table import MetadataRow, MetadataTable, Problem, refuse
from flows.core.requests import (
    Failure,
    Fileset,
    ImportOptions,
    SourceFile,
    Target,
    TargetRule,
    UnmatchedRows,
    parse_target,
)
from flows.core.target_syntax import Kind
from flows.core.values import Frozen

NAMED = 10
"""Rows and files that a note names; the others are counted."""
_NO_PLATES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".lsm", ".nd2", ".dv", ".oib", ".svs", ".zvi")
_MAYBE_PLATES = (".ome.tif", ".ome.tiff")
_ELSEWHERE = "Imported"


class Said(Frozen):
    """What is said of the images of one fileset, and where they go."""

    target: Target
    name: str | None = None
    description: str | None = None
    key_values: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    row: int | None = None
    """Of the table, where one speaks of it."""


class Plan(Frozen):
    """What is said of each fileset, and what cannot be done."""

    said: dict[str, Said] = {}
    """By the key of the fileset; those that are refused are not in it."""
    refused: tuple[Failure, ...] = ()
    """Filesets that cannot go where they are asked."""
    notes: tuple[str, ...] = ()
    """What people should know: rows that speak of no file, files of which no row speaks."""


def plan(
    asked: ImportOptions,
    filesets: Sequence[Fileset],
    table: MetadataTable | None = None,
    *,
    refused: Sequence[Failure] = (),
    repeated: bool = False,
) -> Plan:
    """Plan an import.

    Args:
        asked: the request.
        filesets: what its sources stand for.
        table: what else is said of them.
        refused: what of the sources cannot be imported: rows about these are no mistake.
        repeated: it was planned before, and files may have gone meanwhile: no row is missed.

    Raises:
        TableRefused: its rows do not fit the files.
    """
    found = match(table, [*filesets, *map(_stand_in, refused)]) if table else Match({}, (), ())
    if table:
        _check(asked, table, found, repeated=repeated)
    aim = _Aim(asked, filesets)
    said: dict[str, Said] = {}
    misplaced: list[Failure] = []
    for fileset in filesets:
        row = found.rows.get(fileset.key)
        try:
            said[fileset.key] = _said(asked, row, aim.of(fileset, row))
        except CourierError as wrong:
            misplaced.append(Failure.of(wrong.about(fileset.files[0].client_path)))
    notes = _notes(table, found, filesets) if table else ()
    return Plan(said=said, refused=tuple(misplaced), notes=notes)


def _stand_in(refused: Failure) -> Fileset:
    return Fileset(files=(SourceFile(path=refused.which, client_path=refused.which, size=0, mtime_ns=0),))


def home_of(fileset: Fileset) -> str:
    """Return the folder that holds all files of a fileset: of a plate the plate's own."""
    folders = [posixpath.dirname(file.client_path.replace("\\", "/")) for file in fileset.files]
    home = folders[0] if len(folders) == 1 else posixpath.commonpath(folders)
    # The Operetta keeps all images of a plate in a folder of this name, and nothing else.
    return posixpath.dirname(home) if fileset.plate and posixpath.basename(home).lower() == "images" else home


def kind_of(fileset: Fileset) -> Kind:
    """Return what OMERO puts it into."""
    return "Screen" if fileset.plate else "Dataset"


class _Aim:
    """Where filesets of one request go."""

    def __init__(self, asked: ImportOptions, filesets: Sequence[Fileset]) -> None:
        self._asked = parse_target(asked.target) if asked.target else None
        first = next((each for each in filesets if not each.plate), None)
        plate = next((each for each in filesets if each.plate), None)
        self._names = {
            "Dataset": (first.folder if first else "") or _ELSEWHERE,
            "Screen": posixpath.basename(posixpath.dirname(home_of(plate))) or _ELSEWHERE if plate else _ELSEWHERE,
        }

    def of(self, fileset: Fileset, row: MetadataRow | None) -> Target:
        """Return the target of a fileset.

        Raises:
            TargetUnfit: OMERO does not put it there.
            TargetNotFound: a rule by folders does not fit its folder.
        """
        asked = parse_target(row.target) if row and row.target else self._asked
        kind = kind_of(fileset)
        if asked is None:
            return Target(kind=kind, name=self._names[kind][:255])
        if isinstance(asked, TargetRule):
            return asked.target_for(home_of(fileset), kind)
        _check_kind(fileset, asked)
        return asked


def _check_kind(fileset: Fileset, target: Target) -> None:
    if target.kind == "Dataset" and fileset.plate:
        # OMERO would put each field of each well there, and the plate nowhere (omero-blitz: TargetProcessor).
        raise TargetUnfit(f"It is a plate, which OMERO keeps in screens, and {target} is none.")
    if target.kind == "Screen" and _is_no_plate(fileset):
        raise TargetUnfit(f"It is no plate, and a screen, as {target} is, holds plates only.")


def _is_no_plate(fileset: Fileset) -> bool:
    if fileset.plate is not None:
        return not fileset.plate
    name = fileset.name.lower()
    return name.endswith(_NO_PLATES) and not name.endswith(_MAYBE_PLATES)


def _said(asked: ImportOptions, row: MetadataRow | None, target: Target) -> Said:
    said = Said(
        target=target,
        name=asked.name,
        description=asked.description,
        key_values=asked.key_values,
        tags=tuple(asked.tags),
        comments=tuple(asked.comments),
    )
    if row is None:
        return said
    return said.model_copy(
        update={
            "name": row.name or said.name,
            "description": row.description or said.description,
            "key_values": {**said.key_values, **row.key_values},
            "tags": tuple(dict.fromkeys((*said.tags, *row.tags))),
            "comments": (*said.comments, *row.comments),
            "row": row.row,
        }
    )


def _check(asked: ImportOptions, table: MetadataTable, found: Match, *, repeated: bool) -> None:
    problems = list(found.problems)
    if asked.unmatched_rows is UnmatchedRows.REFUSE and not repeated:
        problems += [Problem(row.row, f"{row.file!r} is no file of this import") for row in found.unmatched]
    if problems:
        raise refuse(sorted(problems), table.source)


def _notes(table: MetadataTable, found: Match, filesets: Sequence[Fileset]) -> tuple[str, ...]:
    notes = []
    if found.unmatched:
        rows = [f"{row.row} ({row.file})" for row in found.unmatched]
        notes.append(f"Rows of the table that speak of no file of this import: {_listed(rows)}.")
    if silent := [each.path for each in filesets if each.key not in found.rows]:
        notes.append(f"Files of which no row of the table speaks: {_listed(silent)}.")
    return tuple(notes)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
