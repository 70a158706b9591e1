"""Folders that are left empty."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import DELETE, Sweep, arrived, write


def test_emptied_folders_go_once_they_were_left_alone(sweep: Sweep, root: Path) -> None:
    path = write(root / "alice" / "day" / "a.tif")
    sweep.quiet, sweep.now = timedelta(minutes=5), datetime.now(UTC)
    item = arrived(path, ago=timedelta(days=2))

    sweep.put_away(item)
    assert (root / "alice" / "day").is_dir()

    sweep.now += timedelta(minutes=6)
    sweep.put_away()
    assert [each.name for each in root.iterdir()] == ["imported"]


def test_a_folder_that_was_empty_before_or_is_not_stays(sweep: Sweep, a: Path, root: Path) -> None:
    (root / "new").mkdir()
    write(a.parent / "notes.txt")

    sweep.put_away(arrived(a), how=DELETE)

    assert {str(each.relative_to(root)) for each in root.rglob("*")} == {"new", "day", "day/notes.txt"}


def test_the_swept_folder_itself_stays(sweep: Sweep, root: Path) -> None:
    sweep.put_away(arrived(write(root / "a.tif")), how=DELETE)

    assert list(root.iterdir()) == []
