"""Reads a metadata table from CSV, TSV or XLSX, whatever the spreadsheet program wrote, and takes no harm from it."""

import codecs
import re

from flows.core.disk import read_beginning
from flows.core.errors import Misdefined, TableRefused
from flows.core.metadata.spreadsheet import cells_of_workbook, is_workbook
from flows.core.metadata.table import Cells, MetadataTable, Problem, refuse, understand
from flows.core.settings import Metadata
from flows.core.sweep.texts import rows_of

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_SEPARATOR = re.compile(r'^\ufeff?"?sep=(.)"?\r?$', re.MULTILINE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(path: str, real_path: str, limits: Metadata) -> MetadataTable:
    """Read a table from a file.

    Args:
        path: as the user named it.
        real_path: links resolved, and allowed to this user: what is opened.
        limits: how large it may be.

    Raises:
        SourceError: it is not there, or cannot be read.
        TableRefused: it is too large, no table, or a faulty one, told with its rows.
    """
    content = read_small(path, real_path, limits.table_bytes)
    if content.startswith(_OLD_EXCEL):
        raise refuse([Problem(0, "it is an Excel file of the old kind: save it as .xlsx or as CSV UTF-8")], path)
    cells = cells_of_workbook(content, path, limits) if is_workbook(content) else _cells_of_text(content, path)
    return _within(cells, path, limits)


def read_inline(text: str, limits: Metadata) -> MetadataTable:
    """Read a table that came with the request.

    Raises:
        TableRefused: it is no table, or a faulty one, told with its rows.
    """
    return _within(_split(text, "table_text"), "table_text", limits)


def read_small(path: str, real_path: str, most: int) -> bytes:
    """Read a file whole.

    Raises:
        SourceError: it is not there, cannot be read, or is no file.
        TableRefused: it is larger than `most` bytes.
    """
    content = read_beginning(path, real_path, most + 1, advice="Name a file.")
    if len(content) > most:
        raise TableRefused(f"It is larger than {most:,} bytes.", which=path)
    return content


def decoded(content: bytes, path: str) -> str:
    """Return the text of a file: UTF-8, with or without a mark at its beginning, or UTF-16 with one.

    Raises:
        TableRefused: it is neither.
    """
    try:
        return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as wrong:
        row = content.count(b"\n", 0, wrong.start) + 1
        raise refuse([Problem(row, "it is not UTF-8: save the table as CSV UTF-8, or as .xlsx")], path) from wrong


def _cells_of_text(content: bytes, path: str) -> list[Cells]:
    return _split(decoded(content, path), path)


def _split(text: str, path: str) -> list[Cells]:
    # Excel's own word on the delimiter is no row.
    if mark := _SEPARATOR.match(text):
        text = text[mark.end() :]
    try:
        return [Cells(row.line, row.cells) for row in rows_of(text, path)]
    except Misdefined as wrong:
        raise TableRefused(f"{wrong.what.replace('line ', 'row ', 1).rstrip('.')}.", which=path) from wrong


def _within(cells: list[Cells], path: str, limits: Metadata) -> MetadataTable:
    if len(cells) > limits.table_rows:
        raise refuse([Problem(0, f"it has more than {limits.table_rows:,} rows")], path)
    return understand(cells, path)
