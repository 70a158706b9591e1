"""Files that failed are put aside with the reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.sweep.definition import Afterwards

from . import NOW, RUN, Died, Sweep, failed, refused, write


def test_what_failed_moves_with_the_reason_beside(sweep: Sweep, plate: tuple[Path, ...], root: Path) -> None:
    assert sweep.put_away(failed(*plate)) == [("moved", "moved")]

    assert sweep.confirmed == []
    assert (root / "failed/p/wells/1.tif").exists()
    text = (root / "failed/p/plate.xml.reason.txt").read_text()
    for said in ("The file is damaged.", "Export it again.", RUN, f"{NOW:%Y-%m-%d}", str(plate[0]), str(plate[2])):
        assert said in text


def test_what_failed_does_not_wait(sweep: Sweep, a: Path) -> None:
    assert sweep.put_away(failed(a), how=Afterwards(failed="move", delay_hours=24)) == [("moved", "moved")]


def test_an_earlier_reason_is_not_replaced(sweep: Sweep, a: Path, root: Path) -> None:
    write(root / "failed/day/a.tif.reason.txt", "earlier")

    sweep.put_away(failed(a))

    assert (root / "failed/day/a.tif.reason.txt").read_text() == "earlier"
    assert (root / "failed/day/a (2).tif").exists()
    assert "damaged" in (root / "failed/day/a (2).tif.reason.txt").read_text()


@pytest.mark.parametrize(
    "name", ["ä" * 120 + ".tif", "x" * 250 + ".tif", "a\nb.tif"], ids=["wide", "long", "line feed"]
)
def test_strange_names_have_a_reason_too(sweep: Sweep, root: Path, name: str) -> None:
    assert sweep.put_away(failed(write(root / name, "x"))) == [("moved", "moved")]

    (reason,) = (root / "failed").glob("*.reason.txt")
    assert reason.read_text().splitlines()[0].endswith("could not be imported into OMERO.")


def test_a_reason_goes_with_a_move_that_is_undone(sweep: Sweep, a: Path, broken: Callable[..., None]) -> None:
    broken("rename", "a.tif", refused())

    assert sweep.put_away(failed(a)) == [("kept", "source-error")]
    assert sweep.holds() == {"day/a.tif": "a.tif"}


def test_a_process_that_dies_between_the_reason_and_the_file_leaves_both_in_the_end(
    sweep: Sweep, a: Path, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken("rename", "a.tif", Died())
    with pytest.raises(Died):
        sweep.put_away(failed(a))

    monkeypatch.undo()
    sweep.put_away(failed(a))
    assert set(sweep.holds()) == {"failed/day/a.tif", "failed/day/a.tif.reason.txt"}
