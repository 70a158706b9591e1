"""Reads the list of files that a bulk file names: a path on each line, or cells by `columns`; pure."""

import csv
import io
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from flows.core.bulk.chain import faulty
from flows.core.bulk.keys import FOLLOWED, SAME, TOLD, BulkFile
from flows.core.bulk.places import whole
from flows.core.errors import SourceSyntax
from flows.core.sweep.lines import Problem

PROBLEMS_TOLD = 20
MOST_FILES = 5000
LONGEST_LINE = 20_000
"""Characters; shlex takes ever longer over each further one."""
NOT_IN_ROWS = ("include", "columns", "dry_run", "f")
SPLIT = "make several lists of it, and a bulk file for each"


class Row(NamedTuple):
    """A file or folder, and what is said of it."""

    line: int
    path: str
    """Whole."""
    said: dict[str, str]
    """By column; empty cells are left out."""


def rows_of(text: str, file: str, columns: Sequence[str] | None, folder: str | None) -> list[Row]:
    """Read a list.

    Args:
        text: of the list.
        file: what it is called; its ending says how it is written.
        columns: what the cells of a line are; None: a line is a path.
        folder: where paths begin that are not whole.

    Raises:
        TableRefused: lines are faulty, each is told of.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, cells in _split(text, file, columns, problems):
        if len(rows) == MOST_FILES:
            what = f"it names more than {MOST_FILES:,} files, the most that one import has: {SPLIT}, or name folders"
            raise faulty([Problem(line, what)], file)
        if len(problems) >= PROBLEMS_TOLD:
            break
        named = dict(zip(columns or ["path"], cells, strict=False))
        problems += [Problem(line, what) for what in _wrong(cells, columns, named)]
        said = {key: cell for key, cell in named.items() if cell and key != "path"}
        problems += [Problem(line, what) for key, cell in said.items() for what in _faults(key, cell)]
        try:
            rows.append(Row(line, whole(named.get("path", ""), folder), said))
        except SourceSyntax as wrong:
            problems.append(Problem(line, f"path: {wrong.what}" if named.get("path") else "it names no file"))
    if problems:
        raise faulty(sorted(dict.fromkeys(problems))[:PROBLEMS_TOLD], file)
    if not rows:
        raise faulty([Problem(1, "it names no file")], file)
    return rows


def _split(
    text: str, file: str, columns: Sequence[str] | None, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that holds anything; as OMERO does, by the ending of the list's name."""
    if columns is not None and file.endswith((".csv", ".tsv")):
        yield from _split_csv(text, "," if file.endswith(".csv") else "\t", problems)
        return
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        if len(content) > LONGEST_LINE:
            problems.append(Problem(line, f"it is longer than {LONGEST_LINE:,} characters"))
            continue
        if columns is None:
            yield line, [content.strip()]
            continue
        try:
            yield line, shlex.split(content)
        except ValueError as wrong:
            problems.append(Problem(line, f"{wrong}: put what has blanks or quotes in it in quotes"))


def _split_csv(text: str, delimiter: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed):
                yield line, trimmed
            line = reader.line_num + 1
    except csv.Error as wrong:
        problems.append(Problem(line, f"this cannot be read: {wrong}"))


def _wrong(cells: Sequence[str], columns: Sequence[str] | None, named: dict[str, str]) -> Iterator[str]:
    if any("\0" in cell for cell in cells):
        yield "there is a NUL character in it"
    if columns is None:
        return
    if len(cells) < len(columns):
        yield f"it has {len(cells)} cells, and there are {len(columns)} columns"
    if any(cells[len(columns) :]):
        yield f"it has more cells than the {len(columns)} columns"
    if named.get("path") == "path":
        yield "it looks like a header: bulk files name their columns in `columns`, so take it out"
    alike = [key for key in named if key in SAME and named[key]]
    if len({SAME[key] for key in alike}) < len(alike):
        yield f"it says the same twice: {', '.join(alike)}"


def _faults(key: str, cell: str) -> list[str]:
    """Say what is wrong with a cell, if its key is followed."""
    if key in TOLD or key not in FOLLOWED:
        return []
    try:
        read_cell(key, cell)
    except ValidationError as refused:
        return [f"{key}: {error['msg'].removeprefix('Value error, ')}" for error in refused.errors()]
    return []


def read_cell(key: str, cell: str) -> Any:
    """Return what a cell says, as the same key of the file itself would.

    Raises:
        ValidationError: it cannot be that.
    """
    return getattr(BulkFile.model_validate({key: cell}), key)
