"""Whatever lies in a watched folder: no sweep stops at it, and each is told of."""

import errno
import os
from pathlib import Path

import pytest

from flows.core.sweep import listing, walk
from flows.core.sweep.verdicts import Verdict
from tests.support.watched import HOUR, Watched, codes, names, of


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    watched = Watched(tmp_path)
    watched.write("alice/a.tif")
    return watched


def looks(watched: Watched) -> list[dict[str, str]]:
    """What three looks say of everything but the ordinary image."""
    watched.look()
    found = [codes(watched.look(HOUR)) for _ in range(2)]
    return [{name: code for name, code in each.items() if name != "a.tif"} for each in found]


def test_a_name_that_is_not_utf8_is_quarantined_and_shown_as_far_as_it_can_be(watched: Watched) -> None:
    (Path(os.fsdecode(os.fsencode(watched.root) + b"/alice/\xe4.tif"))).write_bytes(b"x")
    (Path(os.fsdecode(os.fsencode(watched.root) + b"/alice/f\xf6lder"))).mkdir()

    assert (
        looks(watched) == [{"\ufffd.tif": "quarantined name-not-utf8", "f\ufffdlder": "quarantined name-not-utf8"}] * 2
    )
    assert watched.look().counts == {Verdict.NEW: 1, Verdict.QUARANTINED: 2}


@pytest.mark.parametrize(
    "name",
    ["two\nlines.tif", "i" * 246 + ".tif", "Ünï çödé 显微镜.tif", " .tif", "a'b\"c$(d).tif", "[x]*?.tif"],
    ids=["a newline", "250 characters", "other alphabets", "a space", "quotes", "wildcards"],
)
def test_any_other_name_is_as_good_as_another(watched: Watched, name: str) -> None:
    watched.write(f"alice/{name}")

    new = names(watched.second_look(), Verdict.NEW)

    assert sorted(new) == sorted(["a.tif", name])
    watched.remember(of(watched.look(), Verdict.NEW), Verdict.IMPORTED)
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}


def test_a_file_of_no_bytes_is_quarantined_once_it_has_settled(watched: Watched) -> None:
    watched.write("alice/empty.tif", content=b"")
    watched.write("alice/small.tif", content=b"12345")

    assert looks(watched) == [{"empty.tif": "quarantined source-empty", "small.tif": "new settled"}] * 2


def test_what_is_no_image_is_counted_only(watched: Watched) -> None:
    watched.write("alice/notes.txt")
    os.mkfifo(watched.root / "alice/pipe.tif")
    watched.look()

    found = watched.look(HOUR)

    assert codes(found) == {"a.tif": "new settled"}
    assert found.skipped == {"nothing-importable": 1, "no-file": 1}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        pytest.param(".", "link", id="to its own folder"),
        pytest.param("..", "link", id="to a folder above"),
        pytest.param("a.tif", "link", id="to a file that is looked at anyway"),
        pytest.param("link", "broken-link", id="to itself"),
        pytest.param("gone.tif", "broken-link", id="to nothing"),
    ],
)
def test_links_inside_the_root_lead_to_nothing_twice(watched: Watched, target: str, code: str) -> None:
    (watched.root / "alice/link").symlink_to(target)
    watched.look()

    found = watched.look(HOUR)

    assert names(found, Verdict.NEW) == ["a.tif"]
    assert found.skipped == {code: 1}


def test_a_link_to_a_file_that_is_not_looked_at_stands_for_it(watched: Watched) -> None:
    watched.write(".store/x.tif")
    (watched.root / "alice/b.tif").symlink_to(watched.root / ".store/x.tif")

    new = of(watched.second_look(), Verdict.NEW)

    assert [each.path for each in new] == [f"{watched.root}/alice/a.tif", f"{watched.root}/alice/b.tif"]
    assert new[1].fileset is not None
    assert new[1].fileset.files[0].path == f"{watched.root}/.store/x.tif"


@pytest.mark.parametrize("kind", ["file", "folder", "nothing"])
def test_a_link_out_of_the_root_is_quarantined_whatever_it_leads_to(
    watched: Watched, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (watched.root / "alice/link.tif").symlink_to(tmp_path / kind)

    assert looks(watched) == [{"link.tif": "quarantined outside-root"}] * 2


def test_the_root_itself_may_be_a_link(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(watched.root)
    watched.root = tmp_path / "link"
    watched.defined()

    (new,) = of(watched.second_look(), Verdict.NEW)

    assert new.path == f"{tmp_path}/link/alice/a.tif"
    assert new.fileset is not None
    assert new.fileset.files[0].path == f"{tmp_path}/watched/alice/a.tif"


def test_two_names_of_one_file_that_differ_in_case_are_looked_at_once(watched: Watched) -> None:
    watched.write("alice/B.tif")
    os.link(watched.root / "alice/B.tif", watched.root / "alice/b.TIF")

    found = watched.second_look()

    assert sorted(names(found, Verdict.NEW)) == ["B.tif", "a.tif"]
    assert found.skipped == {"same-file": 1}


def test_two_files_whose_names_differ_in_case_are_two(watched: Watched) -> None:
    watched.write("alice/A.tif", content=b"another")

    assert sorted(names(watched.second_look(), Verdict.NEW)) == ["A.tif", "a.tif"]


def failing(monkeypatch: pytest.MonkeyPatch, folder: str, error: int) -> None:
    """Have a folder of this name fail to be listed: as root, or on a share that hangs, modes say nothing."""

    def list_folder(path: str, root: str) -> listing.Listing:
        if Path(path).name == folder:
            raise OSError(error, os.strerror(error), path)
        return listing.list_folder(path, root)

    monkeypatch.setattr(walk, "list_folder", list_folder)


def test_a_folder_that_cannot_be_listed_is_told_of_and_nothing_in_it_is_forgotten(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.imported("bob/day/b.tif", "bob/c.tif")
    failing(monkeypatch, "bob", errno.EACCES)

    found = watched.look(HOUR)

    (problem,) = found.problems
    assert (problem.path, problem.code) == (f"{watched.root}/bob", "folder-unreadable")
    monkeypatch.undo()
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 3}


def test_a_folder_that_goes_while_it_is_looked_at_is_nothing_to_tell_of(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write("bob/b.tif")
    failing(monkeypatch, "bob", errno.ENOENT)

    found = watched.look()

    assert (found.problems, found.files) == ([], 1)


def test_a_folder_that_lies_in_itself_is_told_of(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    itself = watched.root.stat()
    inner = listing.Subfolder("again", itself.st_dev, itself.st_ino)

    def list_folder(path: str, root: str) -> listing.Listing:
        found = listing.list_folder(path, root)
        found.subfolders.append(inner)
        return found

    monkeypatch.setattr(walk, "list_folder", list_folder)

    found = watched.look()

    assert {each.code for each in found.problems} == {"loop"}
    assert found.files == 1
