"""Reads the small files that tell a sweep more: mapping tables, `metadata.csv`, and the text of sidecars."""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flows.core.disk import read_beginning
from flows.core.errors import Misdefined
from flows.core.sweep.definition import VARIABLE

MOST_BYTES = 1_000_000
"""The largest of these files."""
_DELIMITER = re.compile(r'^(?:"(?:[^"]|"")*"|[^",;\t])*([,;\t])')
"""The first delimiter of a line, what is in quotes passed over."""


class Row(NamedTuple):
    """A row that says something."""

    line: int
    cells: list[str]
    """Trimmed."""


def read_text(path: str) -> str:
    """Read a small text file, with or without a byte order mark.

    Raises:
        SourceError: it is not there, cannot be read, is no file, or its share does not answer.
        Misdefined: it is too large, or no UTF-8.
    """
    real = os.path.realpath(path)
    content = read_beginning(path, real, MOST_BYTES + 1, advice="Put a text file in its place.")
    if len(content) > MOST_BYTES:
        raise Misdefined(f"line 1: it is larger than {MOST_BYTES:,} bytes", which=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise Misdefined(f"line {line}: it is not UTF-8; save it as UTF-8", which=path) from wrong


def rows_of(text: str, path: str) -> list[Row]:
    """Take a CSV file apart; the delimiter is the comma, semicolon or tab that comes first in it.

    Raises:
        Misdefined: it is no CSV.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    found = _DELIMITER.match(first)
    # A title may hold a comma, none holds a tab.
    delimiter = "\t" if "\t" in first else found[1] if found else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed):
                rows.append(Row(line, trimmed))
            line = reader.line_num + 1
    except csv.Error as wrong:
        raise Misdefined(f"line {line}: this is no CSV: {wrong}", which=path) from wrong
    return rows


def read_pairs(path: str) -> dict[str, str]:
    """Read key-value pairs from a CSV file of two columns; a header `key,value` is passed over.

    Raises:
        SourceError: see `read_text`.
        Misdefined: it is no such file.
    """
    pairs: dict[str, str] = {}
    for number, (line, cells) in enumerate(rows_of(read_text(path), path)):
        key, value, *more = [*cells, ""] if len(cells) == 1 else cells
        if number == 0 and (key.casefold(), value.casefold()) == ("key", "value"):
            continue
        if any(more):
            raise Misdefined(f"line {line}: there are more than two columns: put texts with , ; in quotes", which=path)
        if not 1 <= len(key) <= 255:
            raise Misdefined(f"line {line}: a key has 1 to 255 characters", which=path)
        if key in pairs:
            raise Misdefined(f"line {line}: {key!r} is there twice", which=path)
        pairs[key] = value
    return pairs


@dataclass(frozen=True)
class MappingTable:
    """What a mapping table says."""

    path: str
    columns: tuple[str, ...]
    """All but the first, which is what is looked up."""
    rows: Mapping[str, Mapping[str, str]]
    """The cells that are not empty, by column, by the first one."""

    def look_up(self, key: str) -> Mapping[str, str] | None:
        """Return the row of a key; case and blanks around it do not matter."""
        return self.rows.get(_same(key))


def read_table(path: str) -> MappingTable:
    """Read a mapping table.

    Raises:
        SourceError: see `read_text`.
        Misdefined: it is no CSV with a header whose rows are about different things.
    """
    rows = rows_of(read_text(path), path)
    if not rows:
        raise Misdefined("line 1: there is no header: the names of the columns", which=path)
    header = [name.lower() for name in rows[0].cells]
    _check_header(header, rows[0].line, path)
    found: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for line, cells in rows[1:]:
        if len(cells) > len(header) and any(cells[len(header) :]):
            raise Misdefined(f"line {line}: it has more columns than the header", which=path)
        key = _same(cells[0])
        if key in found:
            raise Misdefined(f"line {line}: {cells[0]!r} stands in line {lines[key]} already", which=path)
        lines[key] = line
        found[key] = {name: cell for name, cell in zip(header[1:], cells[1:], strict=False) if cell}
    return MappingTable(path, tuple(header[1:]), found)


def _check_header(header: list[str], line: int, path: str) -> None:
    """Refuse a header that does not name each column."""
    if len(header) < 2:
        raise Misdefined(f"line {line}: the header names one column: what is looked up, and nothing else", which=path)
    if bad := [name for name in header[1:] if not VARIABLE.fullmatch(name)]:
        raise Misdefined(f"line {line}: {bad[0]!r} is no variable: letters, digits and _", which=path)
    if twice := {name for name in header if header.count(name) > 1}:
        raise Misdefined(f"line {line}: {min(twice)} names two columns", which=path)


def _same(key: str) -> str:
    return unicodedata.normalize("NFC", key).strip().casefold()
