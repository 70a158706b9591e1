"""Files of a fileset go together, whatever fails or dies in the middle."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.afterwards.begun import files_begun
from flows.core.afterwards.items import Arrived
from flows.core.audit import AuditEntry
from flows.core.errors import OmeroUnavailable
from flows.core.sweep.definition import Afterwards

from . import DELETE, MOVE, Died, Sweep, arrived, failed, refused, write

DEATHS = [
    (MOVE, "rename", "1.tif"),
    (MOVE, "rename", "2.tif"),
    (MOVE, "rename", "plate.xml"),
    (DELETE, "unlink", "1.tif"),
    (DELETE, "unlink", "2.tif"),
    (DELETE, "unlink", "plate.xml"),
]


@pytest.mark.parametrize(("how", "call", "name"), DEATHS, ids=[f"{call} {name}" for _, call, name in DEATHS])
def test_what_a_dead_process_left_half_done_is_finished(
    *,
    sweep: Sweep,
    plate: tuple[Path, ...],
    broken: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    how: Afterwards,
    call: str,
    name: str,
) -> None:
    broken(call, name, Died())
    with pytest.raises(Died):
        sweep.put_away(arrived(*plate), how=how)

    monkeypatch.undo()
    assert len(sweep.put_away(how=how)) == 1
    names = ("plate.xml", "wells/1.tif", "wells/2.tif") if how is MOVE else ()
    assert set(sweep.holds()) == {f"imported/p/{name}" for name in names}
    assert len(sweep.trail) == 1


def test_a_process_that_dies_right_after_it_is_told_of_in_the_trail(sweep: Sweep, plate: tuple[Path, ...]) -> None:
    def die(entry: AuditEntry) -> None:
        raise Died

    sweep.audit = die
    item = arrived(*plate)
    with pytest.raises(Died):
        sweep.put_away(item, how=DELETE)

    sweep.audit = sweep.trail.append
    assert sweep.put_away(item, how=DELETE) == [("deleted", "deleted")]
    assert [entry.sources for entry in sweep.trail] == [tuple(str(path) for path in plate)]


def test_a_trail_that_cannot_be_written_is_written_by_the_next_sweep(sweep: Sweep, a: Path) -> None:
    def full(entry: AuditEntry) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    sweep.audit = full
    assert sweep.put_away(arrived(a)) == [("moved", "moved")]

    sweep.audit = sweep.trail.append
    sweep.put_away()
    assert [entry.sources for entry in sweep.trail] == [(str(a),)]


@pytest.mark.parametrize("how", [MOVE, DELETE], ids=["move", "delete"])
def test_of_what_was_left_half_done_a_file_that_changed_since_is_left_alone(
    *,
    sweep: Sweep,
    plate: tuple[Path, ...],
    broken: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    how: Afterwards,
) -> None:
    broken("rename" if how is MOVE else "unlink", "plate.xml", Died())
    with pytest.raises(Died):
        sweep.put_away(arrived(*plate), how=how)
    plate[0].write_text("a new plate")

    monkeypatch.undo()
    assert sweep.put_away(how=how) == [("kept", "source-changed")]
    assert plate[0].read_text() == "a new plate"
    assert sweep.trail[0].sources == (str(plate[1]), str(plate[2]))
    assert files_begun(sweep.root) == frozenset()


def test_what_was_left_half_done_waits_for_omero(
    sweep: Sweep, plate: tuple[Path, ...], broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(item: Arrived) -> None:
        raise OmeroUnavailable

    broken("unlink", "plate.xml", Died())
    with pytest.raises(Died):
        sweep.put_away(arrived(*plate), how=DELETE)
    monkeypatch.undo()

    sweep.confirm = away
    assert sweep.put_away(how=DELETE) == [("kept", "omero-unavailable")]
    assert files_begun(sweep.root) == {str(path) for path in plate}


def test_a_note_that_is_none_of_ours_is_left_alone(sweep: Sweep, a: Path, root: Path) -> None:
    write(root / ".omero-courier" / "x.deed.json", '{"what": "delete"}')

    assert sweep.put_away(arrived(a)) == [("moved", "moved")]


def test_a_forged_note_leads_nowhere(sweep: Sweep, a: Path, root: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.tif")
    for number, (path, goal) in enumerate([(outside, "imported/x.tif"), (a, "../x.tif"), (a, "imported/../../x.tif")]):
        item = failed(path).model_dump(mode="json")
        write(
            root / ".omero-courier" / f"{number}.deed.json", json.dumps({"what": "move", "item": item, "goals": [goal]})
        )

    assert {outcome for outcome, _ in sweep.put_away()} == {"kept"}
    assert (outside.exists(), a.exists(), (tmp_path / "x.tif").exists()) == (True, True, False)


@pytest.mark.parametrize("name", ["1.tif", "plate.xml"], ids=["the first", "the last"])
def test_where_one_file_cannot_be_moved_none_is(
    sweep: Sweep, plate: tuple[Path, ...], broken: Callable[..., None], name: str
) -> None:
    broken("rename", name, refused())

    assert sweep.put_away(arrived(*plate)) == [("kept", "source-error")]
    assert "Operation not permitted" in sweep.handled[0].reason
    assert set(sweep.holds()) == {"p/plate.xml", "p/wells/1.tif", "p/wells/2.tif"}
    assert sweep.trail == []


def test_where_one_file_cannot_be_deleted_the_next_sweep_deletes_it(
    sweep: Sweep, plate: tuple[Path, ...], broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = arrived(*plate)
    broken("unlink", "plate.xml", refused())
    assert sweep.put_away(item, how=DELETE) == [("kept", "source-error")]
    assert files_begun(sweep.root) == {str(path) for path in plate}

    monkeypatch.undo()
    assert sweep.put_away(item, how=DELETE) == [("deleted", "deleted")]
    assert sweep.confirmed[-1] == ["plate.xml"]
    assert list(sweep.root.iterdir()) == []
