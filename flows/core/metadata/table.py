"""What a metadata table says, a row per file or pattern: cells in, rows out, every fault told with its row; pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flows.core.errors import TableRefused, TargetSyntax
from flows.core.requests import parse_target
from flows.core.values import Frozen

FILE = ("file", "path", "filename", "file name")
"""Headers of the column that says of which file a row speaks; capitals and _ do not matter."""
MEANINGS = {
    **dict.fromkeys(FILE, "file"),
    "name": "name",
    "description": "description",
    "tag": "tags",
    "tags": "tags",
    "comment": "comments",
    "comments": "comments",
    "target": "target",
}
"""What columns with these headers are; all others are key-value pairs."""
AS_KEY = "key:"
"""A header that begins so is a key, whatever follows: `key:Name`."""
LONGEST = {"name": 255, "description": 10_000, "target": 1024, "file": 4096}
LONGEST_KEY = 255
LONGEST_VALUE = 10_000
PROBLEMS_TOLD = 20


class Problem(NamedTuple):
    """Something that is wrong with a table."""

    row: int
    """As a spreadsheet counts, the header included; 0 is the table as a whole."""
    what: str

    def __str__(self) -> str:
        """One line."""
        return f"row {self.row}: {self.what}" if self.row else self.what


class Cells(NamedTuple):
    """A row of a table as it was read."""

    row: int
    cells: Sequence[str]


class MetadataRow(Frozen):
    """What is said of the files of one row."""

    row: int
    file: str
    """A path, the end of one, a name, or a pattern of either."""
    name: str | None = None
    description: str | None = None
    target: str | None = None
    tags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    key_values: dict[str, str] = {}


class MetadataTable(Frozen):
    """What a table says."""

    source: str = ""
    """Its path, or what it is called."""
    rows: tuple[MetadataRow, ...] = ()


def refuse(problems: Sequence[Problem], which: str) -> TableRefused:
    """Make one failure of all that is wrong."""
    told = "; ".join(map(str, problems[:PROBLEMS_TOLD])).rstrip(".")
    more = f"; and {len(problems) - PROBLEMS_TOLD:,} more" if len(problems) > PROBLEMS_TOLD else ""
    refused = TableRefused(f"{told}{more}.", which=which)
    refused.problems = tuple(problems)
    return refused


def understand(read: Sequence[Cells], source: str) -> MetadataTable:
    """Read header and rows.

    Raises:
        TableRefused: something is wrong, told with its rows.
    """
    if not read:
        raise refuse([Problem(0, "the table is empty: its first row has to name the columns")], source)
    header = _Header(read[0])
    if header.problems:
        raise refuse(header.problems, source)
    rows: list[MetadataRow] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for cells in read[1:]:
        row, wrong = header.read(cells)
        problems += wrong
        if row.file in seen and row.file:
            problems.append(Problem(row.row, f"{row.file!r} stands in row {seen[row.file]} already"))
        seen.setdefault(row.file, row.row)
        rows.append(row)
    if not rows:
        problems.append(Problem(0, "there is no row below the header"))
    if problems:
        raise refuse(problems, source)
    return MetadataTable(source=source, rows=tuple(rows))


class _Header:
    """The columns of a table."""

    def __init__(self, cells: Cells) -> None:
        self._names = [cell.strip() for cell in cells.cells]
        while self._names and not self._names[-1]:
            self._names.pop()
        self._meanings = [
            None if name.casefold().startswith(AS_KEY) else MEANINGS.get(_plain(name)) for name in self._names
        ]
        self._keys = [
            name[len(AS_KEY) :].strip() if name.casefold().startswith(AS_KEY) else name for name in self._names
        ]
        self.problems = [Problem(cells.row, what) for what in self._wrong()]

    def _wrong(self) -> Iterator[str]:
        if self._meanings.count("file") == 0:
            yield f"no column is called file: the columns are {', '.join(map(repr, self._names)) or 'none'}"
        for meaning in dict.fromkeys(each for each in self._meanings if each):
            columns = [name for name, its in zip(self._names, self._meanings, strict=True) if its == meaning]
            if len(columns) > 1:
                yield f"the columns {' and '.join(map(repr, columns))} mean the same: {meaning}"
        keys = [key for key, meaning in zip(self._keys, self._meanings, strict=True) if meaning is None]
        for key in dict.fromkeys(keys):
            if not key:
                yield "a column has no name"
            elif len(key) > LONGEST_KEY:
                yield f"the name {key[:40]!r}... of a column is longer than {LONGEST_KEY} characters"
            elif keys.count(key) > 1:
                yield f"two columns are called {key!r}"

    def read(self, cells: Cells) -> tuple[MetadataRow, list[Problem]]:
        """Understand a row, and say what is wrong with it."""
        said: dict[str, str] = {}
        pairs: dict[str, str] = {}
        wrong: list[str] = []
        values = [cell.strip() for cell in cells.cells]
        if any(values[len(self._names) :]):
            wrong.append("it has more cells than there are columns")
        for key, meaning, value in zip(self._keys, self._meanings, values, strict=False):
            if not value:
                continue
            if "\0" in value:
                wrong.append("there is a NUL character in it")
            elif meaning is None:
                pairs[key] = value
                wrong += _too_long(repr(key), value, LONGEST_VALUE)
            else:
                said[meaning] = value
                wrong += _too_long(meaning, value, LONGEST.get(meaning, LONGEST_VALUE))
        if "file" not in said:
            wrong.append("it does not say of which file it speaks")
        tags = _parts(said.pop("tags", ""))
        wrong += [each for tag in tags for each in _too_long(f"the tag {tag[:40]!r}", tag, 255)]
        wrong += _bad_target(said.get("target"))
        comments = (said.pop("comments"),) if "comments" in said else ()
        row = MetadataRow(
            row=cells.row, file=said.pop("file", ""), tags=tags, comments=comments, key_values=pairs, **said
        )
        return row, [Problem(cells.row, what) for what in wrong]


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def _parts(text: str) -> tuple[str, ...]:
    """Take tags apart: by semicolons, commas and new lines."""
    parts = text.replace(";", ",").replace("\n", ",").split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _too_long(what: str, value: str, most: int) -> list[str]:
    return [f"{what} is longer than {most:,} characters"] if len(value) > most else []


def _bad_target(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        parse_target(text)
    except TargetSyntax as wrong:
        return [wrong.what.rstrip(".")]
    return []
