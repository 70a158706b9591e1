"""Reads the first sheet of an XLSX workbook: values as last computed; no formula is computed, no link followed.

A workbook is a ZIP of XML: what it would unfold to is looked at before any of it is unfolded.
"""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from typing import Any

from flows.core.metadata.table import Cells, Problem, refuse
from flows.core.settings import Metadata

_ZIP = b"PK\x03\x04"
_MOST_UNFOLDED = 20
"""How many times larger than a table may be what a workbook unfolds to: XML of cells folds well."""
_MOST_PARTS = 2000
_MOST_COLUMNS = 500
_MOST_EMPTY = 1000
"""Empty rows after which nothing is expected any more: a sheet may say that it has a million."""
_NOT_COMPUTED = "a cell holds a formula without its value: open it in a spreadsheet program, and save it"
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})


def is_workbook(content: bytes) -> bool:
    """Say whether a file is a ZIP, as workbooks are."""
    return content.startswith(_ZIP)


def cells_of_workbook(content: bytes, path: str, limits: Metadata) -> list[Cells]:
    """Return the rows of the first sheet that hold anything.

    Raises:
        TableRefused: it is no workbook, or one that is made to do harm, or a cell holds an error, or a formula that
            nobody computed.
    """
    # Only here: it takes long to import, and few runs meet a workbook.
    import openpyxl  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    _check(content, path, limits)
    try:
        book, formulas = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values, keep_links=False)
            for values in (True, False)
        )
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, OSError, SyntaxError) as broken:
        raise refuse([Problem(0, "it is no XLSX workbook that can be read")], path) from broken
    try:
        if not book.worksheets:
            raise refuse([Problem(0, "it has no sheet with cells")], path)
        return _rows(book.worksheets[0], formulas.worksheets[0], path, limits)
    except (KeyError, ValueError, TypeError, AttributeError, SyntaxError, zipfile.BadZipFile) as broken:
        raise refuse([Problem(0, "its first sheet cannot be read")], path) from broken
    finally:
        book.close()
        formulas.close()


def _check(content: bytes, path: str, limits: Metadata) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as broken:
        raise refuse([Problem(0, "it is no XLSX workbook: its ZIP is damaged")], path) from broken
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > limits.table_bytes * _MOST_UNFOLDED:
        raise refuse([Problem(0, "it would unfold to more than a table needs: save it as CSV UTF-8")], path)


def _rows(sheet: Any, formulas: Any, path: str, limits: Metadata) -> list[Cells]:
    found: list[Cells] = []
    problems: list[Problem] = []
    for (number, row), (_, written) in zip(_numbered(sheet, limits), _numbered(formulas, limits), strict=False):
        if any(map(_is_not_computed, row, written)):
            problems.append(Problem(number, _NOT_COMPUTED))
        cells = [_text(cell.value) for cell in row]
        wrong = {cell for cell in cells if cell in _ERRORS}
        problems += [Problem(number, f"a cell holds the error {each}") for each in sorted(wrong)]
        if any(cells):
            found.append(Cells(number, cells))
    if problems:
        raise refuse(problems, path)
    return found


def _numbered(sheet: Any, limits: Metadata) -> Iterator[tuple[int, tuple[Any, ...]]]:
    empty = 0
    # What a sheet says of its size may be wrong.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS), 1):
        empty = 0 if any(cell.value not in (None, "") for cell in cells) else empty + 1
        if empty > _MOST_EMPTY or number > limits.table_rows + _MOST_EMPTY:
            return
        yield number, cells


def _is_not_computed(cell: Any, written: Any) -> bool:
    """Whether a program wrote a formula, and left its value to others; one that gives an empty text has a type."""
    return bool(written.data_type == "f" and cell.value is None and cell.data_type != "str")


def _text(value: Any) -> str:
    """Write a cell as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case dt.datetime():
            return str(value.date() if value.time() == dt.time() else value.replace(microsecond=0))
    # Dates and times write themselves as ISO 8601 does.
    return str(value).strip()
