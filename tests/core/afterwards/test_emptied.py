"""Folders that are left empty."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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


def test_what_is_set_aside_or_outside_stays_whatever_the_list_says(sweep: Sweep, root: Path, tmp_path: Path) -> None:
    kept = [root / "imported" / "day", tmp_path / "up", tmp_path / "absolute"]
    for folder in kept:
        folder.mkdir(parents=True)
    write(root / ".omero-courier" / "emptied.json", json.dumps(["imported/day", "../up", str(kept[2])]))

    sweep.put_away()

    assert [folder for folder in kept if not folder.exists()] == []


@pytest.mark.parametrize("text", ["", "7", "[7]", "nonsense"])
def test_a_spoilt_list_is_no_trouble(sweep: Sweep, a: Path, root: Path, text: str) -> None:
    write(root / ".omero-courier" / "emptied.json", text or " ")

    assert sweep.put_away(arrived(a), how=DELETE) == [("deleted", "deleted")]
    assert not a.parent.exists()
