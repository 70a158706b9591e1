"""What OMERO's bulk files become, and how every fault in them is told with its file and line."""

import argparse
import csv
import importlib
import io
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omero.cli import CLI

from flows.core.bulk import BulkRequest, translate
from flows.core.bulk.keys import FOLLOWED, REFUSED, TOLD
from flows.core.errors import CourierError, SourceMissing, TableRefused
from flows.core.metadata.reading import read_inline
from flows.core.settings import Metadata

FILE = "/data/alice/bulk.yml"
MOST = 5_000_000


def reading(files: dict[str, str], text: str, folder: str | None = "/data/alice", file: str = FILE) -> BulkRequest:
    def read(path: str, most: int) -> str:
        if path not in files:
            raise SourceMissing(which=path)
        return files[path][:most]

    return translate(text, file, folder, read, MOST)


def bulk(text: str, listed: str = "a.tif\n", name: str = "files.txt", **more: str) -> BulkRequest:
    """Read `text`, whose list is of that name and says `listed`."""
    files = {f"/data/alice/{name}": listed, **{f"/data/alice/{each}.yml": said for each, said in more.items()}}
    return reading(files, f"path: {name}\n{text}")


def fault(text: str, listed: str = "a.tif\n", name: str = "files.txt", **more: str) -> str:
    """What is said of a faulty one."""
    with pytest.raises(TableRefused) as refused:
        bulk(text, listed, name, **more)
    assert refused.value.advice
    assert refused.value.problems
    return f"{refused.value.which}: {refused.value.what}"


def rows(told: BulkRequest) -> list[tuple[int, str, str | None, str | None]]:
    """The rows of the table that was made, by the lines of the list."""
    table = read_inline(told.options.table_text or "", Metadata())
    return [(row.row - 1, row.file, row.name, row.target) for row in table.rows]


def test_without_columns_each_line_is_a_path_that_begins_where_the_file_lies() -> None:
    told = bulk("", "a.tif\n\n  day 2/b.tif  \n/data/alice/c.tif\n../bob/d.tif\nC:\\Data\\e.tif\r\n")

    assert told.options.sources == [
        "/data/alice/a.tif",
        "/data/alice/day 2/b.tif",
        "/data/alice/c.tif",
        "/data/bob/d.tif",
        "C:/Data/e.tif",
    ]
    assert (told.options.table_text, told.notes, told.is_dry) == (None, (), False)


def test_a_bulk_file_of_a_workstation_names_files_of_that() -> None:
    told = reading({"C:/Data/lists/files.txt": "today\\a.tif"}, "path: files.txt", "C:/Data/lists", r"C:\Data\bulk.yml")

    assert told.options.sources == ["C:/Data/lists/today/a.tif"]


def test_names_may_begin_in_a_folder_of_another_machine() -> None:
    told = reading({"sftp://nas/data/files.txt": "../x y.tif"}, "path: files.txt", "sftp://nas/data/", "body.text")

    assert told.options.sources == ["sftp://nas/x%20y.tif"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("files.csv", 'Dataset:name:D,"First, best",a.tif\nDataset:name:E,Second,b.tif\n'),
        ("files.tsv", "Dataset:name:D\tFirst, best\ta.tif\nDataset:name:E\tSecond\tb.tif\n"),
        ("files.txt", "Dataset:name:D 'First, best' a.tif\nDataset:name:E Second b.tif\n"),
    ],
)
def test_columns_that_differ_become_a_table_with_the_same_lines(name: str, listed: str) -> None:
    told = bulk("columns: [target, name, path]", "\n" + listed, name)

    assert rows(told) == [
        (2, "/data/alice/a.tif", "First, best", "Dataset:name:D"),
        (3, "/data/alice/b.tif", "Second", "Dataset:name:E"),
    ]


def test_what_all_rows_say_is_said_once() -> None:
    told = bulk(
        "columns: [d, transfer, path]",
        "5,ln_s,a.tif\n5,ln_s,b.tif\n",
        "files.csv",
    )

    assert (told.options.target, told.options.placement, told.options.table_text) == ("Dataset:id:5", "ln_s", None)


def test_a_row_counts_before_the_file_and_an_empty_cell_says_nothing() -> None:
    told = bulk("columns: [r, path]\ntarget: Dataset:name:D", "7,a.tif\n,b.tif\n", "files.csv")

    assert told.options.target == "Dataset:name:D"
    assert rows(told) == [(1, "/data/alice/a.tif", None, "Screen:id:7")]


def test_the_including_file_wins_and_names_begin_where_it_lies() -> None:
    included = "name: Theirs\ndescription: Of all\npath: other.txt\ninclude: ../base.yml\n"
    told = reading(
        {"/data/alice/more/inner.yml": included, "/data/alice/base.yml": "d: 5\n", "/data/alice/files.txt": "a.tif"},
        "include: more/inner.yml\npath: files.txt\nname: Ours\n",
    )

    assert (told.options.sources, told.options.name) == (["/data/alice/a.tif"], "Ours")
    assert (told.options.description, told.options.target) == ("Of all", "Dataset:id:5")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("plate_name: P", {"name": "P"}),
        ("plate_description: P", {"description": "P"}),
        ("r: 7", {"target": "Screen:id:7"}),
        ("d: '7'", {"target": "Dataset:id:7"}),
        ("group: lab", {"group": "lab"}),
        ("annotation_link: 12", {"annotation_ids": [12]}),
        ("annotation_ns: a.b\nannotation_text: c", {"text_annotations": [{"namespace": "a.b", "text": "c"}]}),
        ("transfer: upload", {"placement": "upload"}),
        ("transfer: cp_rm", {"placement": "cp", "after_import": "delete"}),
        ("transfer: upload_rm", {"placement": "upload", "after_import": "delete"}),
    ],
)
def test_keys_that_are_followed(text: str, fields: dict[str, object]) -> None:
    said = bulk(text).options.model_dump(mode="json", exclude_unset=True)

    assert said == {"sources": ["/data/alice/a.tif"], **fields}


@pytest.mark.parametrize("text", ["dry_run: true", "dry_run: 'yes'", "dry_run: /tmp/%s.sh", "f: true"])
def test_a_dry_run_only_asks(text: str) -> None:
    assert bulk(text).is_dry
    assert not bulk("dry_run: false\nf: 'False'").is_dry


def test_every_option_of_omeros_command_is_followed_told_or_refused() -> None:
    cli = CLI()
    cli.register("import", importlib.import_module("omero.plugins.import").ImportControl, "")
    options = set(vars(cli.parser.parse_args(["import"], argparse.Namespace()))) - {"func"}

    assert options | {"include", "columns", "continue", "dry_run"} == {*FOLLOWED, *TOLD, *REFUSED}


@pytest.mark.parametrize("key", sorted(TOLD))
def test_what_is_not_followed_is_told_with_its_line_and_never_its_value(key: str) -> None:
    (note,) = bulk(f"{key}: s3cret").notes
    (of_column,) = bulk(f"columns: [{key}, path]", "s3cret,a.tif\n", "files.csv").notes

    assert note == f"{key} (line 2 of {FILE}) is not followed: {TOLD[key]}."
    assert key in of_column
    assert "s3cret" not in note + of_column


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_what_would_make_another_import_is_refused(key: str) -> None:
    assert fault(f"{key}: x") == f"{FILE}: line 2: {key}: {REFUSED[key]}."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nam: x", "line 2: nam: `omero import` has no such option; is name meant?"),
        ("checksum-algorithm: x", "line 2: checksum-algorithm: `omero import` has no such option; is checksum_algor"),
        ("name: a\nname: b", "line 3: name: stands in line 2 already"),
        ("name: [", "line 2: this is no YAML"),
        ("name: 5", "line 2: name: has to be a text"),
        ("d: x", "line 2: d: "),
        ("target: Datset:5", "line 2: target: "),
        ("transfer: ln_rm", "line 2: transfer: with 'ln_rm' the only name"),
        ("transfer: teleport", "line 2: transfer: 'teleport' is no way"),
        ("annotation_ns: a", "line 2: annotation_ns: annotation_text is needed with it"),
        ("annotation_text: a", "line 2: annotation_text: annotation_ns is needed with it"),
        ("annotation_text: a\nannotation_ns: omero-courier/x", "line 3: annotation_ns: namespaces that begin with"),
        ("d: 5\ntarget: Dataset:6", "line 2: d: the target is said already by another key"),
        ("columns: path", "line 2: columns: has to be a list"),
        ("columns: [name]", "line 2: columns: none of them is path"),
        ("columns: [path, colour]", "line 2: columns: 'colour' is no option"),
        ("columns: [path, path]", "line 2: columns: 'path' is there twice"),
        ("include: bulk.yml", "line 2: include: /data/alice/bulk.yml is included already"),
    ],
)
def test_a_faulty_key_is_told_with_its_line(text: str, told: str) -> None:
    assert fault(text, bulk="").startswith(f"{FILE}: {told}")


def test_a_fault_of_an_included_file_is_told_of_that() -> None:
    assert fault("include: base.yml", base="\nnam: x").startswith("/data/alice/base.yml: line 2: nam")


def test_files_that_include_each_other_are_refused() -> None:
    what = fault("include: one.yml", one="include: two.yml", two="include: one.yml")

    assert what.startswith("/data/alice/two.yml: line 1: include: /data/alice/one.yml is included already")


@pytest.mark.parametrize(
    ("columns", "listed", "told"),
    [
        ("[name, path]", "N,a.tif\nN\n", "line 2: it has 1 cells, and there are 2 columns"),
        ("[name, path]", "N,a.tif,x\n", "line 1: it has more cells than the 2 columns"),
        ("[name, path]", "name,path\n", "line 1: it looks like a header"),
        ("[name, path]", "N,\n", "line 1: it names no file"),
        ("[name, path]", "N,sftp://me:secret@nas/x.tif\n", "line 1: path: There is a user or a password"),
        ("[name, path]", '\n"N,a.tif', "line 2: this cannot be read"),
        ("[target, path]", "Dataset:1,a.tif\nDatset:2,b.tif\n", "line 2: target: "),
        ("[d, path]", "1,a.tif\nx,b.tif\n", "line 2: d: "),
        ("[d, target, path]", "1,Dataset:2,a.tif\n", "line 1: it says the same twice: d, target"),
        ("[name, path]", "N,a.tif\nM,./a.tif\n", "line 2: /data/alice/a.tif stands in line 1 already"),
        ("[name, path]", f"{'N' * 256},a.tif\n", "line 1: name: "),
        ("[name, path]", "", "line 1: it names no file"),
    ],
)
def test_a_faulty_line_of_the_list_is_told(columns: str, listed: str, told: str) -> None:
    what = fault(f"columns: {columns}", listed, "files.csv")

    assert what.startswith(f"/data/alice/files.csv: {told}")
    assert "secret" not in what


def test_quotes_that_do_not_close_are_told() -> None:
    assert "line 2: No closing quotation" in fault("columns: [name, path]", "N a.tif\n'N b.tif\n")


def test_a_line_of_millions_of_characters_holds_nobody_up() -> None:
    assert "line 1: it is longer than 20,000" in fault("columns: [name, path]", f"'{'x' * 4_000_000}' a.tif")


def test_what_cannot_differ_within_one_import_is_refused() -> None:
    what = fault("columns: [transfer, path]", "ln,a.tif\ncp,b.tif\n", "files.csv")

    assert "line 2: columns: 'transfer' differs from file to file" in what


def test_what_is_named_twice_is_imported_once_and_told() -> None:
    told = bulk("", "a.tif\nb.tif\n./a.tif\n")

    assert told.options.sources == ["/data/alice/a.tif", "/data/alice/b.tif"]
    assert told.notes == ("Named before, and imported once: lines 3 of /data/alice/files.txt.",)


def test_what_is_too_large_for_one_request_is_refused() -> None:
    many = "".join(f"{number}.tif\n" for number in range(5001))
    wordy = "".join(f"{'N' * 200}{number},{number}.tif\n" for number in range(600))
    deep = "".join(f"{'f' * 200}/{number}.tif\n" for number in range(2000))

    assert "more than 5,000 files" in fault("", many)
    assert "too long for one request" in fault("columns: [name, path]", wordy, "files.csv")
    assert "too long for one request" in fault("", deep)


def test_without_a_list_or_a_folder_nothing_is_guessed() -> None:
    with pytest.raises(TableRefused, match="path: is missing"):
        reading({}, "name: x")
    with pytest.raises(TableRefused, match="line 1: path: It is no whole path"):
        reading({}, "path: x", None)
    with pytest.raises(TableRefused, match="line 1: include: It is no whole path"):
        reading({}, "include: x", None)


def test_json_is_a_bulk_file_too() -> None:
    told = reading({"/data/alice/x.tsv": "N\ta.tif"}, json.dumps({"path": "x.tsv", "columns": ["name", "path"]}))

    assert told.options.name == "N"


CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40).filter(str.strip)


@given(st.lists(st.tuples(st.integers(1, 3), CELLS, CELLS), min_size=1, max_size=6, unique_by=lambda row: row[1]))
def test_whatever_a_table_says_arrives_at_the_same_lines(said: list[tuple[int, str, str]]) -> None:
    written = io.StringIO()
    for number, (dataset, name, description) in enumerate(said):
        csv.writer(written, lineterminator="\n").writerow([f"/d/{number}.tif", dataset, name, description])
    told = bulk("columns: [path, d, name, description]", written.getvalue(), "files.csv")
    common = told.options
    table = read_inline(common.table_text, Metadata()).rows if common.table_text else ()
    found = {row.row - 2: row for row in table}

    assert common.sources == [f"/d/{number}.tif" for number in range(len(said))]
    for number, (dataset, name, description) in enumerate(said):
        row = found.get(number)
        assert (row and row.name) or common.name == name.strip()
        assert ((row and row.target) or common.target) == f"Dataset:id:{dataset}"
        assert ((row and row.description) or common.description) in (description, description.strip())


def outcome(files: dict[str, str], text: str) -> BulkRequest | CourierError:
    try:
        return reading(files, text)
    except CourierError as refused:
        return refused


@given(st.dictionaries(st.sampled_from([*FOLLOWED, *TOLD, "x"]), st.one_of(st.text(), st.integers(), st.none())))
def test_any_file_is_read_or_refused_with_the_reason(said: dict[str, object]) -> None:
    found = outcome({"/data/alice/files.txt": "a.tif"}, yaml.safe_dump({**said, "path": "files.txt"}))

    assert found.what if isinstance(found, CourierError) else len(found.notes) == len(said.keys() & TOLD.keys())


@given(st.text())
def test_any_text_is_read_or_refused_with_the_reason(text: str) -> None:
    for file, listed in ((text, ""), ("path: files.csv\ncolumns: [path, name]", text)):
        found = outcome({"/data/alice/files.csv": listed}, file)

        assert isinstance(found, BulkRequest) or found.what
