"""Files that are not what was imported, or not where it was, are left alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.errors import SourceAway, SourceMissing
from flows.core.sweep.definition import Afterwards

from . import DELETE, MOVE, Sweep, arrived, write


def overwritten(path: Path) -> None:
    path.write_text("x" * path.stat().st_size)


def replaced(path: Path) -> None:
    """By another file of the same size and time."""
    look = path.stat()
    other = write(path.with_name("other"), "x" * look.st_size)
    os.utime(other, ns=(look.st_atime_ns, look.st_mtime_ns))
    other.replace(path)


def linked(path: Path) -> None:
    """By a link to a file that is just the same."""
    path.symlink_to(path.rename(path.with_name("elsewhere.tif")))


def folder_linked(path: Path) -> None:
    """So that the file lies, by another way, in a folder outside."""
    outside = path.parent.rename(path.parents[2] / "outside")
    path.parent.symlink_to(outside)


def hard_linked(path: Path) -> None:
    path.with_name("second.tif").hardlink_to(path)


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = [overwritten, replaced, linked, folder_linked, hard_linked, made_a_folder]


@pytest.mark.parametrize("how", [MOVE, DELETE], ids=["move", "delete"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changes_while_it_is_confirmed_is_kept(
    sweep: Sweep, a: Path, how: Afterwards, change: Callable[[Path], None]
) -> None:
    sweep.confirm = lambda item: change(a)

    assert sweep.put_away(arrived(a), how=how)[0][0] == "kept"
    assert a.exists()
    assert sweep.trail == []


@pytest.mark.parametrize("how", [MOVE, DELETE], ids=["move", "delete"])
@pytest.mark.parametrize("change", [each for each in CHANGES if each is not replaced], ids=lambda each: each.__name__)
def test_of_a_file_that_is_not_what_was_imported_nothing_is_read(
    sweep: Sweep, a: Path, how: Afterwards, change: Callable[[Path], None]
) -> None:
    os.utime(a, ns=(0, 0))
    item = arrived(a)
    change(a)

    assert sweep.put_away(item, how=how)[0][0] == "kept"
    assert (sweep.confirmed, a.exists()) == ([], True)


def test_one_file_that_changes_while_it_is_confirmed_keeps_the_whole_fileset(
    sweep: Sweep, plate: tuple[Path, ...]
) -> None:
    sweep.confirm = lambda item: overwritten(plate[0])

    assert sweep.put_away(arrived(*plate), how=DELETE) == [("kept", "source-changed")]
    assert len(sweep.holds()) == 3


def test_a_file_that_changes_while_others_of_its_fileset_go_stays(
    sweep: Sweep, plate: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.unlink

    def unlink(path: str, **more: int) -> None:
        replaced(plate[0])
        real(path, **more)

    monkeypatch.setattr(os, "unlink", unlink)

    assert sweep.put_away(arrived(*plate), how=DELETE) == [("kept", "source-changed")]
    assert plate[0].read_text() == "x" * len("plate.xml")


def test_one_changed_file_keeps_the_whole_fileset(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    item = arrived(*plate)
    overwritten(plate[2])
    os.utime(plate[2], ns=(1, 1))

    assert sweep.put_away(item, how=DELETE) == [("kept", "source-changed")]
    assert len(sweep.holds()) == 3


def test_a_fileset_of_which_a_file_is_gone_is_kept(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    item = arrived(*plate)
    plate[1].unlink()

    assert sweep.put_away(item) == [("kept", "source-missing")]
    assert len(sweep.holds()) == 2


def test_files_that_somebody_took_away_are_gone(sweep: Sweep, a: Path, root: Path) -> None:
    item = arrived(a)
    a.unlink()
    write(root / "b.tif")

    assert sweep.put_away(item) == [("gone", "gone")]


def test_in_an_empty_folder_nothing_is_known_to_be_gone(sweep: Sweep, a: Path, root: Path) -> None:
    item = arrived(a)
    root.rename(root.with_name("unmounted"))
    root.mkdir()

    assert sweep.put_away(item) == [("kept", SourceAway().code)]
    assert list(root.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(sweep: Sweep, a: Path, root: Path) -> None:
    item = arrived(a)
    root.rename(root.with_name("unmounted"))

    with pytest.raises(SourceMissing):
        sweep.put_away(item)


def test_a_link_in_place_of_imported_is_not_followed(sweep: Sweep, a: Path, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "imported").symlink_to(tmp_path / "elsewhere")

    assert sweep.put_away(arrived(a)) == [("kept", "source-not-allowed")]
    assert (a.exists(), list((tmp_path / "elsewhere").iterdir())) == (True, [])


def test_what_lies_outside_of_the_swept_folder_is_kept(sweep: Sweep, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.tif")

    assert sweep.put_away(arrived(outside), how=DELETE) == [("kept", "source-not-allowed")]
    assert outside.exists()


@pytest.mark.parametrize("folder", ["imported", "Imported", "failed", ".omero-courier"])
def test_what_was_put_away_is_not_put_away_again(sweep: Sweep, root: Path, folder: str) -> None:
    path = write(root / folder / "a.tif")

    assert sweep.put_away(arrived(path), how=DELETE) == [("kept", "source-not-allowed")]
    assert path.exists()


def test_a_swept_folder_may_be_reached_through_a_link(sweep: Sweep, a: Path, root: Path) -> None:
    item = arrived(a)
    sweep.root = root.with_name("link")
    sweep.root.symlink_to(root)

    assert sweep.put_away(item) == [("moved", "moved")]
    assert (root / "imported/day/a.tif").exists()


@pytest.mark.parametrize("how", [MOVE, DELETE], ids=["move", "delete"])
def test_where_the_courier_may_not_write_nothing_is_read(
    sweep: Sweep, a: Path, how: Afterwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode, **more: Path(path) != a.parent)

    assert sweep.put_away(arrived(a), how=how) == [("kept", "source-error")]
    assert str(a.parent) in sweep.handled[0].reason
    assert sweep.confirmed == []
