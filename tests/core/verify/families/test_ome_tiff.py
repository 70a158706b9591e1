"""OME-TIFFs of several files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deployments.sandbox.images import make_ome_tiff_set, make_small_ome_tiff, make_tiff
from flows.core.errors import SourceBroken
from flows.core.settings import Verification
from flows.core.verify import Access, verify_fileset
from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

READER = "loci.formats.in.OMETiffReader"
CELLS = ["cells_DAPI.ome.tif", "cells_GFP.ome.tif"]
OME = "<OME xmlns='http://www.openmicroscopy.org/Schemas/OME/2016-06' {}>{}</OME>"


def make_pointer(path: Path, metadata: str, uuid: str = "urn:uuid:1") -> None:
    """A TIFF whose metadata is elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = OME.format(f"UUID='{uuid}'", f"<BinaryOnly MetadataFile='{metadata}' UUID='urn:uuid:9'/>")
    tifffile.imwrite(path, np.zeros((4, 4), np.uint8), description=text, metadata=None)


def companion_of(*files: str) -> str:
    pieces = (f"<TiffData><UUID FileName='{name}'>urn:uuid:{name}</UUID></TiffData>" for name in files)
    return OME.format("UUID='urn:uuid:9'", "".join(pieces))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [("companion", ["cells.companion.ome", *CELLS]), ("first", CELLS), ("each", CELLS)],
)
@pytest.mark.parametrize("source", [".", "cells_DAPI.ome.tif", "cells_GFP.ome.tif"])
def test_any_file_stands_for_the_whole_set(
    home: Path, look: Look, metadata: str, expected: list[str], source: str
) -> None:
    make_ome_tiff_set(home, metadata=metadata)

    found = look(source)

    assert (sets(found, home), found.refused) == ([expected], ())


def test_a_whole_set_is_sound(home: Path, look: Look, sound) -> None:
    make_ome_tiff_set(home)

    found = look()

    assert [each.reader for each in found.filesets] == [READER]
    assert sound(found) == ["OME-TIFF"]


def test_however_it_is_named_it_is_imported_once(home: Path, look: Look) -> None:
    make_ome_tiff_set(home / "")

    found = look("cells_GFP.ome.tif", ".", "cells.companion.ome", "cells_DAPI.ome.tif")

    assert sets(found, home) == [["cells.companion.ome", *CELLS]]


def test_whichever_file_is_named_the_set_has_the_same_key(home: Path, look: Look) -> None:
    files = make_ome_tiff_set(home, metadata="each")

    keys = {look(file.name).filesets[0].key for file in files}

    assert len(keys) == 1


def test_two_sets_and_single_files_in_one_folder_stay_apart(home: Path, look: Look) -> None:
    make_ome_tiff_set(home, name="a")
    make_ome_tiff_set(home, name="b", metadata="each")
    make_small_ome_tiff(home / "c.ome.tif")
    make_tiff(home / "d.tif")

    found = look()

    assert sets(found, home) == [
        ["a.companion.ome", "a_DAPI.ome.tif", "a_GFP.ome.tif"],
        ["b_DAPI.ome.tif", "b_GFP.ome.tif"],
        ["c.ome.tif"],
        ["d.tif"],
    ]


@pytest.mark.parametrize("source", [".", "raw", "raw/a.ome.tif"])
def test_the_companion_may_lie_in_the_folder_above(home: Path, look: Look, source: str) -> None:
    make_pointer(home / "raw/a.ome.tif", "../all.companion.ome")
    make_pointer(home / "raw/b.OME.TIF", "../all.companion.ome")
    (home / "all.companion.ome").write_text(companion_of("raw/a.ome.tif", "raw/b.OME.TIF"))

    found = look(source)

    assert (sets(found, home), found.refused) == ([["all.companion.ome", "raw/a.ome.tif", "raw/b.OME.TIF"]], ())


def test_suffixes_count_in_any_case(home: Path, look: Look) -> None:
    make_pointer(home / "A.OME.TIFF", "All.Companion.OME")
    (home / "All.Companion.OME").write_text(companion_of("A.OME.TIFF"))

    assert sets(look(), home) == [["All.Companion.OME", "A.OME.TIFF"]]


def test_a_companion_may_name_plain_tiffs(home: Path, look: Look) -> None:
    make_tiff(home / "a.tif")
    make_tiff(home / "b.tif")
    (home / "x.companion.ome").write_text(companion_of("a.tif"))

    assert sets(look(), home) == [["x.companion.ome", "a.tif"], ["b.tif"]]
    assert sets(look("a.tif"), home) == [["x.companion.ome", "a.tif"]]


@pytest.mark.parametrize("metadata", ["companion", "first", "each"])
@pytest.mark.parametrize("source", [".", "cells_DAPI.ome.tif"])
def test_a_set_with_a_missing_file_is_refused_once_by_name(home: Path, look: Look, metadata: str, source: str) -> None:
    make_ome_tiff_set(home, metadata=metadata, channels=("DAPI", "GFP", "RFP"))
    (home / "cells_GFP.ome.tif").unlink()

    found = look(source)

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "cells_GFP.ome.tif" in found.refused[0].what
    assert source == "." or found.refused[0].which == f"{home}/{source}"


@pytest.mark.parametrize("metadata", ["companion", "first"])
def test_without_the_metadata_nothing_is_imported(home: Path, look: Look, metadata: str) -> None:
    first, *_ = make_ome_tiff_set(home, metadata=metadata, channels=("DAPI", "GFP", "RFP"))
    first.unlink()

    found = look()

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert first.name in found.refused[0].what


def test_what_was_named_of_a_set_that_is_refused_is_told_with_it(home: Path, look: Look) -> None:
    files = make_ome_tiff_set(home, channels=("DAPI", "GFP", "RFP"))
    files[2].unlink()

    found = look("cells_DAPI.ome.tif", "cells_RFP.ome.tif", "cells.companion.ome")

    assert refusals(found, home) == [("source-incomplete", "cells_DAPI.ome.tif")]
    assert found.refused_with == {str(files[each]): str(files[1]) for each in (3, 0)}


def test_many_missing_files_are_counted(home: Path, look: Look) -> None:
    (home / "x.companion.ome").write_text(companion_of(*(f"{number:02}.ome.tif" for number in range(12))))

    (refused,) = look("x.companion.ome").refused

    assert "04.ome.tif and 7 more" in refused.what


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<OME><Image></OME>", "source-broken"),
        ("<OME><Image/></OME>", "source-broken"),
        ("<?xml version='1.0' encoding='unheard'?><OME/>", "source-broken"),
        (companion_of("../../bob/a.ome.tif"), "source-incomplete"),
        (companion_of("/etc/passwd"), "source-incomplete"),
        (companion_of("folder.ome.tif"), "source-incomplete"),
    ],
    ids=["not well-formed", "without files", "an unknown encoding", "another's file", "an absolute path", "a folder"],
)
def test_a_companion_that_leads_nowhere_is_refused(home: Path, look: Look, text: str, code: str) -> None:
    make(home, "../bob/a.ome.tif")
    (home / "folder.ome.tif").mkdir()
    (home / "x.companion.ome").write_text(text)
    make_pointer(home / "a.ome.tif", "x.companion.ome")

    assert refusals(look("x.companion.ome"), home) == [(code, "x.companion.ome")]


def test_a_file_that_its_companion_does_not_name_is_refused(home: Path, look: Look) -> None:
    make_pointer(home / "a.ome.tif", "x.companion.ome")
    make_pointer(home / "stray.ome.tif", "x.companion.ome")
    (home / "x.companion.ome").write_text(companion_of("a.ome.tif"))

    found = look()

    assert sets(found, home) == [["x.companion.ome", "a.ome.tif"]]
    assert refusals(found, home) == [("source-incomplete", "stray.ome.tif")]


def test_metadata_in_a_file_that_omero_does_not_open_is_found_through_a_tiff(home: Path, look: Look, sound) -> None:
    make_pointer(home / "a.ome.tif", "metadata.xml")
    make_pointer(home / "b.ome.tif", "metadata.xml")
    (home / "metadata.xml").write_text(companion_of("a.ome.tif", "b.ome.tif"))

    found = look()

    assert sets(found, home) == [["a.ome.tif", "metadata.xml", "b.ome.tif"]]
    assert sound(found) == ["OME-TIFF"]


def test_a_single_file_of_a_larger_set_is_not_imported_again(home: Path, look: Look) -> None:
    make_small_ome_tiff(home / "b.ome.tif")
    text = OME.format(
        "UUID='urn:uuid:1'",
        "<TiffData><UUID FileName='c.ome.tif'>urn:uuid:1</UUID></TiffData><UUID FileName='b.ome.tif'>urn:uuid:2</UUID>",
    )
    tifffile.imwrite(home / "c.ome.tif", np.zeros((4, 4), np.uint8), description=text, metadata=None)

    assert sets(look("b.ome.tif", "c.ome.tif"), home) == [["c.ome.tif", "b.ome.tif"]]


def test_links_are_judged_each(home: Path, look: Look) -> None:
    files = make_ome_tiff_set(home)
    shutil.move(files[1], home.parent / "bob" / "there.ome.tif")
    files[1].symlink_to(home.parent / "bob" / "there.ome.tif")

    found = look()

    assert not found.filesets
    assert ("source-not-allowed", "cells_DAPI.ome.tif") in refusals(found, home)


def test_linked_files_keep_their_own_names(home: Path, look: Look) -> None:
    (home / "store").mkdir()
    (home / "view").mkdir()
    for file in make_ome_tiff_set(home / "store"):
        (home / "view" / file.name).symlink_to(file)

    found = look("view/cells_GFP.ome.tif")

    assert sets(found, home) == [["view/cells.companion.ome", *(f"view/{name}" for name in CELLS)]]
    assert [file.path for file in found.filesets[0].files][1:] == [f"{home}/store/{name}" for name in CELLS]


def test_a_damaged_file_of_a_set_is_refused_by_name(
    home: Path, look: Look, access: Access, quick: Verification
) -> None:
    *_, last = make_ome_tiff_set(home)
    last.write_bytes(last.read_bytes()[:-100])
    (fileset,) = look().filesets

    with pytest.raises(SourceBroken) as refused:
        verify_fileset(fileset, access=access, settings=quick)

    assert refused.value.which == str(last)
