"""A share that is away is not an empty one: nothing is concluded from it, and the sweep goes on when it is back."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from flows.core.errors import SourceAway
from flows.core.sweep import listing, share, walk
from flows.core.sweep.verdicts import Verdict
from tests.support.watched import HOUR, Watched


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    watched = Watched(tmp_path)
    watched.imported("alice/a.tif", "alice/day/b.tif")
    return watched


def gone(watched: Watched) -> None:
    watched.root.rename(watched.root.with_name("away"))


def not_mounted(watched: Watched) -> None:
    gone(watched)
    watched.root.mkdir()


def a_file_instead(watched: Watched) -> None:
    gone(watched)
    watched.root.write_text("")


def back(watched: Watched) -> None:
    if watched.root.is_dir():
        shutil.rmtree(watched.root)
    watched.root.unlink(missing_ok=True)
    watched.root.with_name("away").rename(watched.root)


@pytest.mark.parametrize("happens", [gone, not_mounted, a_file_instead], ids=["missing", "empty", "no folder"])
def test_nothing_is_concluded_from_a_root_that_is_not_there(watched: Watched, happens) -> None:
    happens(watched)

    for _ in range(2):
        with pytest.raises(SourceAway):
            watched.look(HOUR)

    back(watched)
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}


def test_an_empty_folder_of_which_nothing_is_known_is_just_empty(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    assert (watched.look().files, watched.look(HOUR).files) == (0, 0)


@pytest.mark.parametrize("sentinel", [".mounted", "alice/.MOUNTED", "*.mounted"])
def test_the_sentinel_has_to_be_there(watched: Watched, sentinel: str) -> None:
    watched.defined(mount={"sentinel": sentinel})
    with pytest.raises(SourceAway, match=r"mounted|MOUNTED"):
        watched.look(HOUR)

    watched.write(".mounted", "alice/.mounted")

    assert watched.look(HOUR).counts[Verdict.IMPORTED] == 2


def test_what_is_known_of_another_folder_is_forgotten_when_the_definition_names_a_new_one(
    watched: Watched, tmp_path: Path
) -> None:
    watched.root = tmp_path / "elsewhere"
    watched.root.mkdir()
    watched.defined()
    watched.write("bob/b.tif")

    assert watched.look(HOUR).counts == {Verdict.SETTLING: 1}
    with watched.memory() as memory:
        assert list(memory.arrived()) == []


class Disk:
    """The root's device, as the system tells it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watched: Watched) -> None:
        self.real = os.stat
        self.root = str(watched.root)
        self.number = watched.root.stat().st_dev
        monkeypatch.setattr(share.os, "stat", self.stat)

    def stat(self, path, *arguments, **more) -> os.stat_result:
        look = self.real(path, *arguments, **more)
        if path != self.root:
            return look
        return os.stat_result((*look[:2], self.number, *look[3:10]), {"st_mtime_ns": look.st_mtime_ns})


def test_another_device_stops_the_sweep_and_the_next_goes_on_if_what_was_there_is(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, watched)
    disk.number += 1

    with pytest.raises(SourceAway, match="another device"):
        watched.look(HOUR)

    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}


def test_another_device_with_other_files_stays_unknown_until_the_first_is_back(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, watched)
    not_mounted(watched)
    (watched.root / "left here by mistake").mkdir()
    disk.number += 1
    for _ in range(3):
        with pytest.raises(SourceAway):
            watched.look(HOUR)

    back(watched)
    disk.number -= 1

    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}


def failing(monkeypatch: pytest.MonkeyPatch, folder: str, error: int) -> None:
    def list_folder(path: str, root: str) -> listing.Listing:
        if Path(path).name == folder:
            raise OSError(error, os.strerror(error), path)
        return listing.list_folder(path, root)

    monkeypatch.setattr(walk, "list_folder", list_folder)


@pytest.mark.parametrize("error", [errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN])
def test_a_share_that_stops_answering_stops_the_sweep(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    failing(monkeypatch, "day", error)
    (watched.root / "alice/a.tif").unlink()

    with pytest.raises(SourceAway, match="alice/day"):
        watched.look(HOUR)

    with watched.memory() as memory:
        assert len(list(memory.arrived())) == 2


def test_any_error_at_the_root_itself_is_a_share_that_is_away(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "watched", errno.EACCES)

    with pytest.raises(SourceAway):
        watched.look(HOUR)


def test_a_share_that_goes_while_it_is_looked_at_leaves_everything_as_it_was(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_folder(path: str, root: str) -> listing.Listing:
        found = listing.list_folder(path, root)
        if path == str(watched.root / "alice"):
            not_mounted(watched)
            return listing.list_folder(str(watched.root), root)
        return found

    monkeypatch.setattr(walk, "list_folder", list_folder)
    with pytest.raises(SourceAway):
        watched.look(HOUR)

    monkeypatch.undo()
    back(watched)
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 2}


def test_a_share_inside_the_folder_that_is_not_mounted_any_more_is_left_as_it_was(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_folder(path: str, root: str) -> listing.Listing:
        found = listing.list_folder(path, root)
        found.subfolders = [
            each._replace(device=each.device + (mounted and each.name == "day")) for each in found.subfolders
        ]
        return found

    mounted = 1
    monkeypatch.setattr(walk, "list_folder", list_folder)
    watched.write("alice/c.tif", "alice/day/d.tif")
    watched.look(HOUR)

    mounted = 0
    shutil.rmtree(watched.root / "alice/day")
    (watched.root / "alice/day").mkdir()
    found = watched.look(HOUR)

    assert [each.code for each in found.problems] == ["not-mounted"]
    with watched.memory() as memory:
        assert len(list(memory.arrived())) == 2
