"""What the page about metadata says of tables is how they are read."""

import re

import pytest

from flows.core.errors import TableRefused
from flows.core.metadata.reading import read_inline
from flows.core.settings import Metadata

from .markdown import ROOT, fences

PAGE = (ROOT / "docs" / "metadata.md").read_text()
TABLES = PAGE.partition("## A table with a row for each file")[2].partition("\n## ")[0]
QUOTED = re.findall(r"^  \| `(.+)` \| `(.+)` \|$", TABLES, re.MULTILINE)
REFUSED = re.findall(r"^  \| `(.+)` \| refused: `(.+)`, with the row \|$", TABLES, re.MULTILINE)


def note_of(cell: str) -> str:
    (row,) = read_inline(f"file,note\na.tif,{cell}\n", Metadata()).rows
    return row.key_values["note"]


def test_the_table_of_the_page_is_read() -> None:
    table = read_inline(fences(TABLES, "")[0].text, Metadata())

    assert [row.file for row in table.rows] == ["cells-1.ome.tiff", "day 2/cells-1.ome.tiff", "*-blank.ome.tiff"]
    assert table.rows[0].tags == ("control", "day 1")
    assert str(table.rows[1].target) == "Dataset:name:Day 2"


@pytest.mark.parametrize(("written", "says"), QUOTED)
def test_a_cell_says_what_the_page_says(written: str, says: str) -> None:
    assert note_of(written) == says


def test_a_cell_that_goes_on_behind_its_quotes_is_refused() -> None:
    [(written, told)] = REFUSED

    with pytest.raises(TableRefused, match=f"row 2: {told}"):
        note_of(written)
    assert len(QUOTED) > 3


def test_behind_a_blank_a_quote_is_an_ordinary_character() -> None:
    assert note_of(' "x"') == '"x"'


@pytest.mark.parametrize("header", ["file\tnote, or two", "note, or two\tfile", "file\tnote; or two"])
def test_a_tab_in_the_header_means_tabs(header: str) -> None:
    (row,) = read_inline(f"\n{header}\na.tif\tb, c; d\n", Metadata()).rows

    assert {row.file, *row.key_values.values()} == {"a.tif", "b, c; d"}


def test_without_a_tab_the_first_comma_or_semicolon_outside_of_quotes_counts() -> None:
    (row,) = read_inline('sep=;\n"note, or two";file\nb, c;a.tif\n', Metadata()).rows

    assert (row.file, row.key_values) == ("a.tif", {"note, or two": "b, c"})
