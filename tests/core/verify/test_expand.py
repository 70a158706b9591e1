"""What files and folders stand for."""

import cProfile
import os
from pathlib import Path

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, RequestError, SourceUnreadable
from flows.core.settings import Verification
from flows.core.verify import Access, Expansion, Permit, expand


@pytest.fixture
def look(home: Path, access: Access):
    """Expand sources given relative to Alice's folder."""

    def expand_them(*sources: str, **settings: object) -> Expansion:
        return expand([f"{home}/{each}" for each in sources], access=access, settings=Verification(**settings))

    return expand_them


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(expansion: Expansion) -> list[str]:
    return [each.name for each in expansion.filesets]


def codes(expansion: Expansion) -> list[str]:
    return [each.code for each in expansion.refused]


def test_a_file_is_a_fileset(home: Path, look) -> None:
    make(home, "cells.tif")

    (fileset,) = look("cells.tif").filesets

    assert fileset.files[0].client_path == f"{home}/cells.tif"
    assert fileset.size == 1
    assert fileset.files[0].mtime_ns == (home / "cells.tif").stat().st_mtime_ns


def test_a_folder_is_all_images_below_it_in_order(home: Path, look) -> None:
    make(home, "2026/b.tif", "2026/a.czi", "2026/day 2/c.nd2", "2026/day 1/d.ome.tiff", "2026/notes.txt")

    found = look("2026")

    assert names(found) == ["a.czi", "b.tif", "d.ome.tiff", "c.nd2"]
    assert found.passed_over == 1
    assert not found.refused


def test_a_file_named_twice_is_taken_once(home: Path, look) -> None:
    make(home, "2026/a.tif")
    (home / "2026/b.tif").symlink_to(home / "2026/a.tif")

    assert names(look("2026/a.tif", "2026", "2026/")) == ["a.tif"]


@pytest.mark.parametrize("folder", ["empty", "texts"], ids=["empty", "of other files"])
def test_a_folder_without_images_is_refused(home: Path, look, folder: str) -> None:
    (home / "empty").mkdir()
    make(home, "texts/notes.txt", "texts/deeper/more.txt")

    (refused,) = look(folder).refused

    assert (refused.code, refused.which) == ("nothing-importable", f"{home}/{folder}")


def test_a_folder_seen_through_another_source_is_not_called_empty(home: Path, look) -> None:
    make(home, "2026/day/a.tif")

    assert not look("2026", "2026/day").refused


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("missing.tif", "source-missing"),
        ("notes.txt", "nothing-importable"),
        ("nosuffix", "nothing-importable"),
        ("pipe.tif", "nothing-importable"),
        ("../bob/cells.tif", "source-syntax"),
        ("cells.tif/below.tif", "source-missing"),
        ("circle.tif", "source-unreadable"),
    ],
)
def test_a_source_that_is_no_image_is_refused(home: Path, look, source: str, code: str) -> None:
    make(home, "notes.txt", "nosuffix", "cells.tif")
    os.mkfifo(home / "pipe.tif")
    (home / "circle.tif").symlink_to(home / "circle.tif")

    found = look(source, "cells.tif")

    assert codes(found) == [code]
    assert names(found) == ["cells.tif"]


def test_one_bad_source_does_not_stop_the_others(home: Path, look) -> None:
    make(home, "a.tif", "b.tif")

    found = look("a.tif", "missing.tif", "b.tif")

    assert (names(found), codes(found)) == (["a.tif", "b.tif"], ["source-missing"])


def test_excluded_names_are_passed_over(home: Path, look) -> None:
    make(home, "2026/a.tif", "2026/.hidden.tif", "2026/.trash/b.tif", "2026/THUMBS.DB", "2026/c.TMP", "2026/~$d.tif")

    assert names(look("2026")) == ["a.tif"]


def test_links_within_the_root_are_followed_and_keep_their_own_name(home: Path, look) -> None:
    make(home, "store/1.tif", "store/more/2.tif")
    (home / "view").mkdir()
    (home / "view/first.tif").symlink_to(home / "store/1.tif")
    (home / "view/further").symlink_to(home / "store/more")

    files = [each.files[0] for each in look("view").filesets]

    assert [file.client_path for file in files] == [f"{home}/view/first.tif", f"{home}/view/further/2.tif"]
    assert [file.path for file in files] == [f"{home}/store/1.tif", f"{home}/store/more/2.tif"]


@pytest.mark.parametrize("target", ["bob", "bob/there.tif", "bob/missing"], ids=["a folder", "a file", "nothing"])
def test_links_out_of_the_root_are_refused_whatever_they_lead_to(home: Path, look, target: str) -> None:
    make(home, "2026/a.tif", "../bob/there.tif")
    (home / "2026/link").symlink_to(home.parent / target)

    found = look("2026")

    assert names(found) == ["a.tif"]
    assert [(each.code, each.which) for each in found.refused] == [("source-not-allowed", f"{home}/2026/link")]


def test_links_in_a_circle_end(home: Path, look) -> None:
    make(home, "2026/a.tif")
    (home / "2026/again").symlink_to(home / "2026")

    assert names(look("2026")) == ["a.tif"]


def test_a_link_that_leads_nowhere_is_refused(home: Path, look) -> None:
    make(home, "2026/a.tif")
    (home / "2026/b.tif").symlink_to(home / "gone.tif")

    assert codes(look("2026")) == ["source-missing"]


def test_folders_that_lie_too_deep_are_said(home: Path, look) -> None:
    make(home, "1/a.tif", "1/2/b.tif", "1/2/3/c.tif")

    found = look("1", max_depth=1)

    assert names(found) == ["a.tif", "b.tif"]
    assert [each.which for each in found.refused] == [f"{home}/1/2/3"]


def test_too_many_files_are_a_matter_of_the_request(home: Path, look) -> None:
    make(home, "2026/a.tif", "2026/b.tif", "2026/c.tif")

    with pytest.raises(RequestError, match="more than 2 files"):
        look("2026", max_files=2)


def test_a_name_that_is_no_utf8_is_refused_by_name(home: Path, look) -> None:
    make(home, "2026/a.tif")
    Path(os.fsdecode(os.fsencode(home) + b"/2026/caf\xe9.tif")).touch()

    (refused,) = look("2026").refused

    assert (refused.code, refused.which) == ("source-unreadable", f"{home}/2026/caf\N{REPLACEMENT CHARACTER}.tif")


@pytest.mark.parametrize("name", ["ä ö.tif", "line\nbreak.tif", "{name}.tif", "a'b\"c.tif", "画像.ome.tif"])
def test_odd_names_are_taken(home: Path, look, name: str) -> None:
    make(home, f"2026/{name}")

    assert names(look("2026")) == [name]


def test_a_folder_that_may_not_be_read_is_refused(home: Path, look) -> None:
    make(home, "2026/a.tif", "2026/closed/b.tif")
    (home / "2026/closed").chmod(0)
    if os.access(home / "2026/closed", os.R_OK):
        pytest.skip("permission bits do not bind this account")

    assert codes(look("2026")) == ["source-unreadable"]


def test_a_cancelled_import_stops_looking(home: Path, access: Access) -> None:
    make(home, "2026/a.tif")

    class Cancelled(Uncontrolled):
        def check(self) -> None:
            raise ImportCancelled

    with pytest.raises(ImportCancelled):
        expand([f"{home}/2026"], access=access, settings=Verification(), control=Cancelled())


def test_twice_as_many_files_are_about_twice_the_work(home: Path, access: Access) -> None:
    def calls(folder: str, files: int) -> int:
        make(home, *(f"{folder}/{number:04}.tif" for number in range(files)))
        with cProfile.Profile() as profile:
            expand([f"{home}/{folder}"], access=access, settings=Verification())
        return sum(entry.callcount for entry in profile.getstats())

    calls("warm", 1)

    assert calls("many", 400) < 2.2 * calls("few", 200)


def test_many_files_of_one_folder_are_judged_and_listed_once(home: Path, access: Access) -> None:
    make(home, *(f"2026/{number:04}.tif" for number in range(100)))
    asked: list[str] = []

    class Counting:
        is_away, store = access.is_away, access.store

        def allowed(self, path: str) -> Permit:
            asked.append(path)
            return access.allowed(path)

    sources = [f"{home}/2026/{number:04}.tif" for number in range(100)]
    found = expand(sources, access=Counting(), settings=Verification())

    assert len(found.filesets) == 100
    assert set(asked) <= {f"{home}/2026", str(home)}


def test_twice_as_many_named_files_are_about_twice_the_work(home: Path, access: Access) -> None:
    make(home, *(f"2026/{number:04}.tif" for number in range(800)))

    def calls(files: int) -> int:
        sources = [f"{home}/2026/{number:04}.tif" for number in range(files)]
        with cProfile.Profile() as profile:
            expand(sources, access=access, settings=Verification())
        return sum(entry.callcount for entry in profile.getstats())

    calls(1)

    assert calls(800) < 2.2 * calls(400)


def test_a_file_in_a_folder_that_may_not_be_listed_is_taken_by_name(home: Path, access: Access) -> None:
    make(home, "2026/a.ics", "2026/a.tif", "2026/b.tif")

    class Closed:
        is_away, store = access.is_away, access.store

        def allowed(self, path: str) -> Permit:
            if path == f"{home}/2026":
                raise SourceUnreadable(which=path)
            return access.allowed(path)

    sources = [f"{home}/2026/{name}" for name in ("a.tif", "b.tif", "a.ics")]
    found = expand(sources, access=Closed(), settings=Verification())

    assert names(found) == ["a.tif", "b.tif"]
    assert codes(found) == ["source-incomplete"]
