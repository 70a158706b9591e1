"""Operetta plates."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.core.verify.families.conftest import Look
from tests.core.verify.families.sets import make, refusals, sets

FIELDS = [f"r01c01f0{field}p01-ch1sk1fk1fl1.tiff" for field in (1, 2)]
INDEX = '<?xml version="1.0"?><EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/{maker}V5">{images}</EvaluationInputData>'


def make_plate(folder: Path, *, index: str = "Index.idx.xml", maker: str = "Harmony") -> None:
    """An index and the TIFFs that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    images = "".join(f"<Image><URL>{name}</URL></Image>" for name in FIELDS)
    (folder / index).write_text(INDEX.format(maker=maker, images=images))
    for name in FIELDS:
        tifffile.imwrite(folder / name, np.zeros((4, 4), np.uint8), metadata=None)


def members(folder: str, *notes: str, index: str = "Index.idx.xml") -> list[str]:
    return [f"{folder}/{index}", *notes, *(f"{folder}/{name}" for name in FIELDS)]


@pytest.mark.parametrize(
    "source", [".", "plate", "plate/Images", f"plate/Images/{FIELDS[1]}", "plate/Images/Index.idx.xml"]
)
def test_any_file_stands_for_the_whole_plate_with_its_notes(home: Path, look: Look, sound, source: str) -> None:
    make_plate(home / "plate/Images")
    make(home, "plate/Assaylayout/a.xml", "plate/Evaluation1/b.xml", "plate/c.txt", "plate/.hidden", "plate/x/y/z.xml")

    found = look(source)

    notes = ["plate/c.txt", "plate/Assaylayout/a.xml", "plate/Evaluation1/b.xml"]
    assert (sets(found, home), found.refused) == ([members("plate/Images", *notes)], ())
    assert [each.reader for each in found.filesets] == ["loci.formats.in.OperettaReader"]
    assert sound(found) == ["PerkinElmer Operetta"]


def test_two_plates_side_by_side_stay_apart(home: Path, look: Look) -> None:
    make_plate(home / "a/Images")
    make_plate(home / "b/Images")

    assert sets(look(), home) == [members("a/Images"), members("b/Images")]


def test_plates_in_one_folder_are_no_notes_of_each_other(home: Path, look: Look) -> None:
    make_plate(home / "both/Images")
    make_plate(home / "both/Images2")

    assert sets(look("both/Images"), home) == [members("both/Images")]


@pytest.mark.parametrize("index", ["Index.xml", "Index.ref.xml", "INDEX.IDX.XML"])
def test_the_index_may_be_called_otherwise(home: Path, look: Look, index: str) -> None:
    make_plate(home / "p", index=index, maker="Operetta")

    assert sets(look(), home) == [members("p", index=index)]


def test_around_an_index_elsewhere_nothing_is_taken_for_its_notes(home: Path, look: Look) -> None:
    make_plate(home / "p")
    make(home, "p/notes.txt", "p/other.czi", "p/more/notes.txt", "p/more/cells.nd2")

    found = look()

    assert sets(found, home) == [members("p", "p/notes.txt"), ["p/other.czi"], ["p/more/cells.nd2"]]


def test_of_two_indices_the_first_that_bio_formats_looks_for_counts(home: Path, look: Look) -> None:
    make_plate(home / "plate/Images", index="Index.ref.xml")
    make_plate(home / "plate/Images")

    assert sets(look(), home) == [members("plate/Images")]


def test_an_index_of_something_else_says_nothing(home: Path, look: Look) -> None:
    make_plate(home, maker="Elsewhere")

    assert sets(look(), home) == [[name] for name in FIELDS]


@pytest.mark.parametrize("source", [".", f"plate/Images/{FIELDS[0]}", "plate/Images/Index.idx.xml"])
def test_images_that_are_missing_are_named(home: Path, look: Look, source: str) -> None:
    make_plate(home / "plate/Images")
    (home / "plate/Images" / FIELDS[1]).unlink()

    found = look(source)

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert FIELDS[1] in found.refused[0].what


def test_an_index_that_names_nothing_is_refused(home: Path, look: Look) -> None:
    (home / "Index.xml").write_text(INDEX.format(maker="Harmony", images=""))

    assert refusals(look("Index.xml"), home) == [("source-broken", "Index.xml")]


@pytest.mark.parametrize("filler", ["<URL", "<URL>", "<URL>" + " " * 1000])
def test_a_malformed_index_takes_no_longer_than_another(home: Path, look: Look, filler: str) -> None:
    (home / "Index.xml").write_text(INDEX.format(maker="Harmony", images=filler * 20_000))

    assert refusals(look("Index.xml"), home) == [("source-broken", "Index.xml")]
