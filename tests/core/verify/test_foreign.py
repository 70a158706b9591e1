"""Files that no rule of ours knows, put together by Bio-Formats: which questions are asked, and what becomes of it."""

from pathlib import Path

import pytest

from flows.core.bioformats import Grouped
from flows.core.control import Uncontrolled
from flows.core.errors import SourceBroken, SourceIncomplete
from flows.core.settings import BioFormats, Verification
from flows.core.verify import Access, expand, verify_fileset
from flows.core.verify.folders import Folders
from flows.core.verify.foreign import FAILED, VAIN_OF_A_KIND, VAIN_OF_A_SUFFIX, Foreign
from tests.support.bioformats import make_pattern, needs_bioformats

LIVE = Verification(settle_seconds=0)
ALONE = Verification(settle_seconds=0, bioformats=BioFormats(enabled=False))


class Knowing:
    """Knows sets by their files; the first opens the set, or any where `any_opens`."""

    def __init__(self, *sets: list[str], any_opens: bool = False, plate: bool = False) -> None:
        self.sets, self.any_opens, self.plate = sets, any_opens, plate
        self.asked: list[str] = []

    def group(self, path, control):
        self.asked.append(path)
        for files in self.sets:
            if path in files:
                first = path if self.any_opens else files[0]
                others = tuple(sorted(set(files) - {first}))
                return Grouped("loci.formats.in.ARFReader", "A format", (first, *others), (first,), 1, 1, self.plate)
        return None


@pytest.fixture
def foreign(home: Path, access: Access):
    def foreign(grouper):
        folders = Folders(access, LIVE, Uncontrolled())
        return Foreign(grouper, folders, Uncontrolled()), folders

    return foreign


def made(home: Path, *names: str) -> list[str]:
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"x")
    return [f"{home}/{name}" for name in names]


def test_a_set_has_what_opens_it_first(home, foreign) -> None:
    opener, *planes = made(home, "a.htd", "b.tif", "c.tif")
    asking, folders = foreign(Knowing([opener, *planes]))

    found = asking.set_of(folders.at(str(home)), "c.tif", "a MetaXpress plate", named=True)

    assert found.files == (opener, *planes)
    assert (found.reader, found.family, found.wrong) == ("loci.formats.in.ARFReader", "A format", None)


@pytest.mark.parametrize("plate", [True, False])
def test_what_bio_formats_takes_for_a_plate_is_one(home, foreign, plate) -> None:
    opener, image = made(home, "a.xdce", "b.tif")
    asking, folders = foreign(Knowing([opener, image], plate=plate))

    assert asking.set_of(folders.at(str(home)), "b.tif", "an InCell plate", named=True).plate is plate


@pytest.mark.parametrize("named", ["a.dv", "b.dv", "c.dv"])
def test_where_any_would_do_the_same_one_is_opened_whichever_was_named(home, foreign, named) -> None:
    files = made(home, "a.dv", "b.dv", "c.dv")
    asking, folders = foreign(Knowing(files, any_opens=True))

    found = asking.set_of(folders.at(str(home)), named, "DeltaVision with its log", named=True)

    assert found.files == tuple(files)


def test_files_that_it_names_and_that_are_not_there_are_told(home, foreign) -> None:
    opener, _ = made(home, "a.htd", "b.tif")
    asking, folders = foreign(Knowing([opener, f"{home}/b.tif", f"{home}/gone.tif"]))

    found = asking.set_of(folders.at(str(home)), "a.htd", "a MetaXpress plate", named=True)

    assert isinstance(found.wrong, SourceIncomplete)
    assert "gone.tif" in found.wrong.what


def test_a_file_outside_what_is_the_users_own_counts_as_not_there(home, foreign) -> None:
    opener, elsewhere = made(home, "a.htd", "../bob/secret.tif")
    asking, folders = foreign(Knowing([opener, str(home.parent / "bob" / "secret.tif")]))

    found = asking.set_of(folders.at(str(home)), "a.htd", "a MetaXpress plate", named=True)

    assert Path(elsewhere).exists()
    assert isinstance(found.wrong, SourceIncomplete)


def test_it_is_asked_about_real_paths_and_its_answer_is_in_the_users_words(home, foreign) -> None:
    made(home, "real/plate/a.htd", "real/plate/images/b.tif")
    (home / "linked").symlink_to(home / "real")
    asking, folders = foreign(Knowing([f"{home}/real/plate/a.htd", f"{home}/real/plate/images/b.tif"]))

    opened = asking.set_of(folders.at(f"{home}/linked/plate"), "a.htd", "a MetaXpress plate", named=True)
    same = asking.set_of(folders.at(f"{home}/linked/plate/images"), "b.tif", "a MetaXpress plate", named=True)

    assert opened.files == (f"{home}/linked/plate/a.htd", f"{home}/linked/plate/images/b.tif")
    assert same == opened


@pytest.mark.parametrize("name", ["notes.txt", "table.csv", "report.pdf", "settings.xml"])
def test_a_document_is_asked_about_only_when_it_is_named(home, foreign, name) -> None:
    made(home, name)
    grouper = Knowing()
    asking, folders = foreign(grouper)

    asking.set_of(folders.at(str(home)), name, None, named=False)
    assert grouper.asked == []

    asking.set_of(folders.at(str(home)), name, None, named=True)
    assert grouper.asked == [f"{home}/{name}"]


def test_thousands_of_files_that_are_nothing_cost_few_questions(home, foreign) -> None:
    names = [f"{number}.odd" for number in range(100)]
    made(home, *names)
    grouper = Knowing()
    asking, folders = foreign(grouper)

    for name in names:
        asking.set_of(folders.at(str(home)), name, None, named=False)

    assert len(grouper.asked) == VAIN_OF_A_SUFFIX


def test_files_that_break_are_given_up_even_sooner(home, foreign) -> None:
    class Breaking:
        asked = 0

        def group(self, path, control):
            self.asked += 1
            raise SourceBroken("It took minutes.", which=path)

    names = [f"{number}.flex" for number in range(100)]
    made(home, *names)
    grouper = Breaking()
    asking, folders = foreign(grouper)
    for name in names:
        try:
            asking.set_of(folders.at(str(home)), name, "a Flex plate", named=False)
        except SourceBroken:
            continue

    assert grouper.asked == VAIN_OF_A_KIND // FAILED


def test_nobody_to_ask_is_no_answer(home, foreign) -> None:
    made(home, "a.htd")
    asking, folders = foreign(None)

    assert not asking.can_be_asked
    assert asking.set_of(folders.at(str(home)), "a.htd", "a MetaXpress plate", named=True) is None


# --- Bio-Formats itself -----------------------------------------------------------------------------------------------


@needs_bioformats
@pytest.mark.parametrize("named", ["", "/stack.pattern"])
def test_bio_formats_puts_a_set_together(home, access, named) -> None:
    names = make_pattern(home / "run")

    found = expand([f"{home}/run{named}"], access=access, settings=LIVE)

    (fileset,) = found.filesets
    assert not found.refused
    assert [Path(file.path).name for file in fileset.files] == names
    assert fileset.reader == "loci.formats.in.FilePatternReader"
    assert verify_fileset(fileset, access=access, settings=LIVE).format == "File pattern"


def test_without_it_the_set_is_refused_and_not_imported_half(home, access) -> None:
    make_pattern(home / "run")

    found = expand([f"{home}/run/stack.pattern"], access=access, settings=ALONE)

    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "Bio-Formats" in found.refused[0].advice


@needs_bioformats
def test_a_set_with_a_file_missing_is_refused(home, access) -> None:
    make_pattern(home / "run")
    (home / "run" / "slice2.tif").unlink()

    found = expand([f"{home}/run/stack.pattern"], access=access, settings=LIVE)

    assert not found.filesets
    assert [each.which for each in found.refused] == [f"{home}/run/stack.pattern"]


@needs_bioformats
def test_a_set_that_reaches_outside_is_refused(home, access) -> None:
    """A pattern may name anything, with the rights of the courier's account."""
    make_pattern(home.parent / "bob")
    (home / "theirs.pattern").write_text(f"{home.parent}/bob/slice<1-3>.tif\n")

    found = expand([f"{home}/theirs.pattern"], access=access, settings=LIVE)

    assert not found.filesets
    assert [each.code for each in found.refused] == ["source-incomplete"]
    assert "bob" not in found.refused[0].what.replace("../bob", "")


@needs_bioformats
def test_a_file_of_an_unknown_suffix_is_what_bio_formats_says(home, access) -> None:
    (home / "synthetic&series=2.fake").touch()

    found = expand([str(home)], access=access, settings=LIVE)

    (fileset,) = found.filesets
    assert fileset.reader == "loci.formats.in.FakeReader"


@needs_bioformats
@pytest.mark.parametrize(
    "names", [("plate.HTD", "plate_A01.TIF"), ("001001.flex",), ("a.r3d", "a.r3d.log")], ids=lambda names: names[0]
)
def test_a_set_that_bio_formats_cannot_read_is_refused_once(home, access, names) -> None:
    made(home, *(f"set/{name}" for name in names))

    found = expand([str(home)], access=access, settings=LIVE)

    assert not found.filesets
    assert len(found.refused) == 1
    assert "cannot be put together" in found.refused[0].what or "cannot put together" in found.refused[0].what


@needs_bioformats
def test_a_name_without_meaning_is_still_no_image(home, access) -> None:
    made(home, "what.ever")

    found = expand([f"{home}/what.ever"], access=access, settings=LIVE)

    assert [each.code for each in found.refused] == ["nothing-importable"]
