"""What a metadata table says, and how every fault in it is told with its row."""

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import CourierError, SourceMissing, TableRefused
from flows.core.metadata.reading import read_inline, read_table
from flows.core.metadata.table import MetadataTable
from flows.core.settings import Metadata

LIMITS = Metadata()


def assert_helps(refused: CourierError) -> None:
    """A refusal says what is wrong and what to do."""
    assert refused.what
    assert refused.advice


def read(path: Path, limits: Metadata = LIMITS) -> MetadataTable:
    return read_table(str(path), str(path), limits)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(TableRefused) as refused:
        read_inline(text, LIMITS)
    return [tuple(each) for each in refused.value.problems]


def workbook(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_columns_with_a_meaning_are_taken_and_all_others_are_pairs() -> None:
    table = read_inline(
        "File,Name,Description,Tags,Comment,Target,Cell line,key:Name\n"
        'a.tif,Control,first,"red; blue,red",seen,Dataset:name:D,HeLa,n1\n',
        LIMITS,
    )

    (row,) = table.rows
    assert (row.row, row.file, row.name, row.description) == (2, "a.tif", "Control", "first")
    assert (row.tags, row.comments, row.target) == (("red", "blue"), ("seen",), "Dataset:name:D")
    assert row.key_values == {"Cell line": "HeLa", "Name": "n1"}


def test_empty_cells_say_nothing() -> None:
    (row,) = read_inline("file\tname\tstain\nb.tif\t\t\n", LIMITS).rows

    assert (row.name, row.key_values) == (None, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_the_spreadsheet_program_wrote_is_read(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    path = tmp_path / "metadata.csv"
    text = end.join(delimiter.join(cells) for cells in (["file", "Färbung"], ["größe.tif", "µ-1"])) + end
    path.write_bytes(text.encode(encoding))

    (row,) = read(path).rows

    assert (row.file, row.key_values) == ("größe.tif", {"Färbung": "µ-1"})


def test_a_comma_in_a_title_does_not_part_what_tabs_do() -> None:
    (row,) = read_inline("Cell line, ATCC\tfile\nHeLa, CCL-2\ta.tif\n", LIMITS).rows

    assert (row.file, row.key_values) == ("a.tif", {"Cell line, ATCC": "HeLa, CCL-2"})


def test_excels_own_word_on_the_delimiter_is_no_row() -> None:
    (row,) = read_inline("sep=;\nfile;stain\na.tif;DAPI, GFP\n", LIMITS).rows

    assert (row.row, row.key_values) == (3, {"stain": "DAPI, GFP"})


def test_a_workbook_gives_what_people_see_in_it(tmp_path: Path) -> None:
    rows = [["file", "n", "when", "ratio", "ok"], [None], ["a.tif", 5.0, dt.date(2026, 11, 23), 0.5, True]]
    path = workbook(tmp_path / "metadata.xlsx", *rows)

    (row,) = read(path).rows

    assert (row.row, row.file) == (3, "a.tif")
    assert row.key_values == {"n": "5", "when": "2026-11-23", "ratio": "0.5", "ok": "TRUE"}


def test_a_formula_that_nobody_computed_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "metadata.xlsx", ["file", "sum"], ["a.tif", "=1+1"])

    with pytest.raises(TableRefused, match="row 2: a cell holds a formula without its value"):
        read(path)


def test_a_formula_that_gives_nothing_says_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path / "formula.xlsx", ["file", "sum"], ["a.tif", '=""'])
    computed = tmp_path / "metadata.xlsx"
    with zipfile.ZipFile(path) as packed, zipfile.ZipFile(computed, "w") as saved:
        for name in packed.namelist():
            # As spreadsheet programs save it.
            part = packed.read(name).replace(b'<c r="B2">', b'<c r="B2" t="str">')
            saved.writestr(name, part)

    assert read(computed).rows[0].key_values == {}


def test_a_cell_with_an_error_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "metadata.xlsx", ["file", "x"], ["a.tif", "#N/A"])

    with pytest.raises(TableRefused, match="row 2: a cell holds the error #N/A"):
        read(path)


def test_a_workbook_that_unfolds_to_gigabytes_is_not_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 200_000_000)

    with pytest.raises(TableRefused, match="would unfold"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 no zip", b"\xd0\xcf\x11\xe0 old Excel", b"file,x\na.tif,\xe4\n", b"", b"file\n\x00\n"],
    ids=["torn workbook", "old Excel", "Latin-1", "empty", "binary"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "metadata.xlsx"
    path.write_bytes(content)

    with pytest.raises(TableRefused, match=str(path)):
        read(path)


def test_other_zips_are_no_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "metadata.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")

    with pytest.raises(TableRefused, match="no XLSX workbook"):
        read(path)


def test_a_table_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text("file,x\n" + "a.tif,1\n" * 10)

    with pytest.raises(TableRefused, match="larger than"):
        read(path, LIMITS.model_copy(update={"table_bytes": 50}))
    with pytest.raises(TableRefused, match="more than 5 rows"):
        read(path, LIMITS.model_copy(update={"table_rows": 5}))


def test_a_table_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        read(tmp_path / "none.csv")


def test_every_fault_is_told_with_its_row() -> None:
    told = problems("file,target,stain\na.tif,Dataset:x,\n,,DAPI\nb.tif,,\na.tif,,\nc.tif,,,more\n")

    assert [row for row, _ in told] == [2, 3, 5, 6]
    assert "'x' is no id" in told[0][1]
    assert told[1][1] == "it does not say of which file it speaks"
    assert told[2][1] == "'a.tif' stands in row 2 already"
    assert told[3][1] == "it has more cells than there are columns"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("image,stain", "no column is called file: the columns are 'image', 'stain'"),
        ("file,path,stain", "the columns 'file' and 'path' mean the same: file"),
        ("file,stain,stain", "two columns are called 'stain'"),
        ("file,,stain", "a column has no name"),
    ],
)
def test_a_bad_header_is_told(header: str, told: str) -> None:
    assert problems(f"{header}\na.tif,x,y\n") == [(1, told)]


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(str.strip).filter(bool)
KEYS = CELLS.filter(lambda text: text.casefold().replace("_", " ") not in ("file", "path", "name") and len(text) > 12)


@given(st.dictionaries(CELLS, CELLS, min_size=1, max_size=8), KEYS, st.sampled_from(",;\t"))
def test_what_was_written_as_csv_is_read(said: dict[str, str], key: str, delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["file", key])
    writer.writerows(said.items())

    table = read_inline(text.getvalue(), LIMITS)

    assert {row.file: row.key_values[key.removeprefix("key:").strip()] for row in table.rows} == said


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    try:
        read_inline(text, LIMITS)
    except TableRefused as refused:
        assert_helps(refused)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"file,x\n"]))
def test_any_bytes_are_a_table_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(head + content)

    try:
        read(path)
    except TableRefused as refused:
        assert_helps(refused)
