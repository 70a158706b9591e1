"""Which row speaks of which file, where each goes, and what is refused before anything is copied."""

import pytest

from flows.core.errors import TableRefused
from flows.core.metadata.plan import plan
from flows.core.metadata.reading import read_inline
from flows.core.requests import Fileset, ImportOptions, SourceFile
from flows.core.settings import Metadata


def fileset(*paths: str, plate: bool | None = None) -> Fileset:
    files = tuple(SourceFile(path=path, client_path=path, size=1, mtime_ns=0) for path in paths)
    return Fileset(files=files, plate=plate)


def table(*lines: str):
    return read_inline("\n".join(lines), Metadata())


def asked(**options) -> ImportOptions:
    return ImportOptions(sources=["/data"], **options)


CELLS, MORE = fileset("/data/a/cells.tif"), fileset("/data/b/more.tif")
SET = fileset("/data/a/s.companion.ome", "/data/a/s_1.ome.tif", "/data/a/s_2.ome.tif", plate=False)
PLATE = fileset("/data/p/plate1/Images/Index.idx.xml", "/data/p/plate1/notes/x.txt", plate=True)
FILES = [CELLS, MORE, SET]


@pytest.mark.parametrize(
    ("file", "meant"),
    [
        ("/data/a/cells.tif", [CELLS]),
        ("cells.tif", [CELLS]),
        ("a/cells.tif", [CELLS]),
        ("./cells.tif", [CELLS]),
        ("a\\cells.tif", [CELLS]),
        ("s_2.ome.tif", [SET]),
        ("*.tif", FILES),
        ("?ells.tif", [CELLS]),
        ("a/*", [CELLS, SET]),
        ("/data/*/*.tif", [CELLS, MORE, SET]),
        ("/data/a", [CELLS, SET]),
        ("/data", FILES),
    ],
)
def test_a_row_speaks_of_a_file_by_path_name_pattern_or_folder(file: str, meant: list[Fileset]) -> None:
    planned = plan(asked(), FILES, table("file,stain", f"{file},DAPI"))

    assert {key for key, said in planned.said.items() if said.key_values} == {each.key for each in meant}


@pytest.mark.parametrize("file", ["cells.TIF", "ells.tif", "/a/cells.tif", "b/cells.tif", "*.czi", "/data/a/cells"])
def test_a_row_that_speaks_of_no_file_stops_the_import_or_is_told(file: str) -> None:
    rows = table("file,stain", f"{file},DAPI")

    with pytest.raises(TableRefused, match=r"row 2: .* is no file of this import"):
        plan(asked(), FILES, rows)
    assert f"2 ({file})" in plan(asked(unmatched_rows="tell"), FILES, rows).notes[0]
    assert plan(asked(), FILES, rows, repeated=True).said


def test_files_of_which_no_row_speaks_are_told() -> None:
    planned = plan(asked(), FILES, table("file,stain", "cells.tif,DAPI"))

    assert planned.notes == ("Files of which no row of the table speaks: /data/b/more.tif, /data/a/s.companion.ome.",)


def test_the_closest_row_counts() -> None:
    rows = table("file,n", "*.tif,pattern", "/data/a,folder", "cells.tif,name", "/data/b/more.tif,path")

    planned = plan(asked(), FILES, rows)

    assert [planned.said[each.key].key_values["n"] for each in FILES] == ["name", "path", "pattern"]


def test_a_name_of_several_files_is_refused_with_their_places() -> None:
    twins = [fileset("/data/a/x.tif"), fileset("/data/b/x.tif")]

    with pytest.raises(TableRefused, match=r"row 2: 'x.tif' could be /data/a/x.tif, /data/b/x.tif"):
        plan(asked(), twins, table("file,n", "x.tif,1"))
    assert plan(asked(), twins, table("file,n", "a/x.tif,1", "b/x.tif,2")).said[twins[1].key].key_values == {"n": "2"}


def test_two_rows_about_files_of_one_set_are_refused() -> None:
    with pytest.raises(TableRefused, match=r"row 3: .* in row 2 already: OMERO imports its files together"):
        plan(asked(), FILES, table("file,n", "s_1.ome.tif,1", "s_2.ome.tif,2"))


def test_a_row_is_added_to_what_the_request_says_and_wins() -> None:
    request = asked(name="all", key_values={"lab": "x", "stain": "none"}, tags=["t"], comments=["c"])
    rows = table("file,name,stain,tags,comment", "cells.tif,one,DAPI,u;t,d")

    said = plan(request, FILES, rows).said
    one, other = said[CELLS.key], said[MORE.key]

    assert (one.name, one.key_values, one.tags) == ("one", {"lab": "x", "stain": "DAPI"}, ("t", "u"))
    assert (one.comments, one.row) == (("c", "d"), 2)
    assert (other.name, other.key_values, other.tags, other.row) == ("all", {"lab": "x", "stain": "none"}, ("t",), None)


def targets(planned) -> list[str]:
    return [str(said.target) for said in planned.said.values()]


def test_images_go_into_a_dataset_and_plates_into_a_screen_where_nothing_is_asked_for() -> None:
    assert targets(plan(asked(), [PLATE, CELLS, MORE])) == ["Screen:name:p", "Dataset:name:a", "Dataset:name:a"]


def test_a_plate_without_notes_is_known_by_its_own_folder_all_the_same() -> None:
    bare = fileset("/data/p/plate1/Images/Index.idx.xml", "/data/p/plate1/Images/a.tiff", plate=True)

    assert targets(plan(asked(), [bare])) == ["Screen:name:p"]


def test_each_file_may_have_a_target_of_its_own() -> None:
    rows = table("file,target", "cells.tif,Dataset:name:one", "more.tif,")

    assert targets(plan(asked(target="Dataset:name:all"), [CELLS, MORE], rows)) == [
        "Dataset:name:one",
        "Dataset:name:all",
    ]


def test_a_rule_names_targets_by_folders_and_refuses_what_does_not_fit() -> None:
    planned = plan(asked(target=r"regex:/data/(?<Container1>[ap])(/.*)?"), [CELLS, MORE, PLATE])

    assert targets(planned) == ["Dataset:name:a", "Screen:name:p"]
    (refused,) = planned.refused
    assert (refused.which, refused.code) == ("/data/b/more.tif", "target-not-found")


@pytest.mark.parametrize(
    ("target", "fits"),
    [("Dataset:name:x", [CELLS, SET]), ("Screen:name:x", [PLATE, fileset("/data/x.flex")])],
)
def test_a_plate_into_a_dataset_or_an_image_into_a_screen_is_refused(target: str, fits: list[Fileset]) -> None:
    files = [CELLS, SET, PLATE, *fits[1:2]] if target.startswith("Screen") else [CELLS, SET, PLATE]

    planned = plan(asked(target=target), files)

    assert set(planned.said) == {each.key for each in fits}
    assert {each.code for each in planned.refused} == {"target-unfit"}
