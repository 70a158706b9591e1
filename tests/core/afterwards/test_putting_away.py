"""What becomes of files that were imported: together, when it is time, and never unconfirmed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flows.core.afterwards.items import Arrived
from flows.core.audit import AuditEntry
from flows.core.errors import ImportCancelled, NotConfirmed, OmeroUnavailable, SourceMissing
from flows.core.sweep.definition import Afterwards

from . import DELETE, MOVE, NOW, RUN, Died, Sweep, arrived, failed, write


def test_files_are_kept_unless_the_definition_says_otherwise(sweep: Sweep, a: Path) -> None:
    assert sweep.put_away(arrived(a), failed(a), how=Afterwards()) == []
    assert sweep.holds() == {"day/a.tif": "a.tif"}
    assert sweep.confirmed == []


def test_what_was_imported_moves_to_the_same_place_below_imported(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    assert sweep.put_away(arrived(*plate)) == [("moved", "moved")]

    assert set(sweep.holds()) == {f"imported/p/{name}" for name in ("plate.xml", "wells/1.tif", "wells/2.tif")}
    assert sweep.handled[0].moved_to[0] == "imported/p/plate.xml"


def test_it_keeps_its_times(sweep: Sweep, a: Path, root: Path) -> None:
    before = a.stat()

    sweep.put_away(arrived(a))

    assert (root / "imported/day/a.tif").stat().st_mtime_ns == before.st_mtime_ns


def test_it_is_deleted_where_that_is_wanted(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    assert sweep.put_away(arrived(*plate), how=DELETE) == [("deleted", "deleted")]
    assert list(sweep.root.iterdir()) == []


def test_all_files_of_a_fileset_are_confirmed_before_the_first_goes(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    there: list[int] = []
    sweep.confirm = lambda item: there.append(len(sweep.holds()))

    sweep.put_away(arrived(*plate), how=DELETE)

    assert (sweep.confirmed, there) == ([["plate.xml", "1.tif", "2.tif"]], [3])


def test_the_file_that_omero_opens_goes_last(
    sweep: Sweep, plate: tuple[Path, ...], broken: Callable[..., None]
) -> None:
    broken("unlink", "plate.xml", Died())

    with pytest.raises(Died):
        sweep.put_away(arrived(*plate), how=DELETE)
    assert [name for name in sweep.holds() if not name.startswith(".")] == ["p/plate.xml"]


@pytest.mark.parametrize(("hours", "outcome"), [(23.9, "waiting"), (24.1, "moved")])
def test_nothing_goes_before_its_time(sweep: Sweep, a: Path, hours: float, outcome: str) -> None:
    how = Afterwards(imported="move", delay_hours=24)

    assert sweep.put_away(arrived(a, ago=timedelta(hours=hours)), how=how)[0][0] == outcome
    assert a.exists() == (outcome == "waiting")


def test_an_import_in_the_future_waits(sweep: Sweep, a: Path) -> None:
    assert sweep.put_away(arrived(a, ago=timedelta(hours=-1)), how=DELETE) == [("waiting", "delay")]


@pytest.mark.parametrize("how", [MOVE, DELETE], ids=["move", "delete"])
@pytest.mark.parametrize("error", [NotConfirmed(), OmeroUnavailable(), SourceMissing()], ids=lambda error: error.code)
def test_what_is_not_confirmed_is_kept(sweep: Sweep, a: Path, how: Afterwards, error: Exception) -> None:
    def refuse(item: Arrived) -> None:
        raise error

    sweep.confirm = refuse

    assert sweep.put_away(arrived(a), how=how) == [("kept", error.code)]
    assert sweep.holds() == {"day/a.tif": "a.tif"}
    assert sweep.trail == []


def test_one_that_is_not_confirmed_does_not_hold_up_the_next(sweep: Sweep, a: Path, root: Path) -> None:
    def refuse(item: Arrived) -> None:
        if item.fileset.name == "a.tif":
            raise NotConfirmed

    sweep.confirm = refuse

    assert sweep.put_away(arrived(a), arrived(write(root / "b.tif"))) == [("kept", "not-confirmed"), ("moved", "moved")]


def test_an_omero_that_is_away_is_asked_once(sweep: Sweep, a: Path, root: Path) -> None:
    def away(item: Arrived) -> None:
        raise OmeroUnavailable

    sweep.confirm = away

    assert sweep.put_away(arrived(a), arrived(write(root / "b.tif"))) == [("kept", "omero-unavailable")] * 2
    assert sweep.confirmed == [["a.tif"]]


def test_a_cancelled_sweep_stops_at_once(sweep: Sweep, a: Path, root: Path) -> None:
    def cancel(item: Arrived) -> None:
        raise ImportCancelled

    sweep.confirm = cancel

    with pytest.raises(ImportCancelled):
        sweep.put_away(arrived(a), arrived(write(root / "b.tif")), how=DELETE)
    assert set(sweep.holds()) == {"day/a.tif", "b.tif"}


@pytest.mark.parametrize(
    ("after", "item", "how"),
    [
        ({"keep"}, arrived, MOVE),
        ({"delete"}, arrived, MOVE),
        ({"move"}, arrived, DELETE),
        ({"delete"}, failed, MOVE),
    ],
    ids=["keep only", "delete only", "move only", "failed"],
)
def test_the_root_has_to_allow_it(
    sweep: Sweep, a: Path, after: set[str], item: Callable[..., Arrived], how: Afterwards
) -> None:
    sweep.after = frozenset(after)

    assert sweep.put_away(item(a), how=how) == [("kept", "source-not-allowed")]
    assert (sweep.confirmed, sweep.holds()) == ([], {"day/a.tif": "a.tif"})


def test_every_move_is_in_the_trail(sweep: Sweep, a: Path, root: Path) -> None:
    sweep.put_away(arrived(a))

    assert sweep.trail == [
        AuditEntry(
            when=NOW,
            action="moved-files",
            who="sweep:confocal",
            server="main",
            as_whom="alice",
            import_id=RUN,
            sources=(str(a),),
            destinations=(str(root / "imported/day/a.tif"),),
        )
    ]


def test_every_deletion_is_in_the_trail(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    sweep.put_away(arrived(*plate), how=DELETE)

    (entry,) = sweep.trail
    assert (entry.action, entry.import_id) == ("deleted-files", RUN)
    assert (entry.sources, entry.destinations) == (tuple(str(path) for path in plate), ())


def test_a_folder_that_is_made_is_open_to_whom_the_one_above_is(sweep: Sweep, a: Path, root: Path) -> None:
    root.chmod(0o2775)

    sweep.put_away(arrived(a))

    assert [(root / made).stat().st_mode & 0o7777 for made in ("imported", "imported/day")] == [0o2775, 0o2775]
