"""Nothing is ever replaced."""

from pathlib import Path

import pytest

from . import Sweep, arrived, write


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.tif", "a (2).tif"), ("a.b.OME.tiff", "a.b (2).OME.tiff"), ("a", "a (2)"), (".tif", ".tif (2)")],
)
def test_a_single_file_whose_name_is_taken_gets_a_number(sweep: Sweep, root: Path, name: str, second: str) -> None:
    write(root / "imported" / name, "earlier")

    sweep.put_away(arrived(write(root / name, "later")))

    assert sweep.holds() == {f"imported/{name}": "earlier", f"imported/{second}": "later"}


def test_the_next_one_gets_the_next_number(sweep: Sweep, root: Path) -> None:
    for text in ("first", "second", "third"):
        sweep.put_away(arrived(write(root / "a.tif", text)))

    assert sweep.holds() == {
        "imported/a.tif": "first",
        "imported/a (2).tif": "second",
        "imported/a (3).tif": "third",
    }


def test_files_that_may_name_each_other_keep_their_names(sweep: Sweep, plate: tuple[Path, ...], root: Path) -> None:
    write(root / "imported/p/wells/2.tif", "earlier")

    sweep.put_away(arrived(*plate))

    assert sweep.holds() == {
        "imported/p/plate.xml (2)/plate.xml": "plate.xml",
        "imported/p/plate.xml (2)/wells/1.tif": "1.tif",
        "imported/p/plate.xml (2)/wells/2.tif": "2.tif",
        "imported/p/wells/2.tif": "earlier",
    }


def test_a_file_that_appears_at_the_last_moment_is_not_replaced(
    sweep: Sweep, a: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.core.afterwards.below.Below.is_taken", lambda self, place: False)
    write(root / "imported/day/a.tif", "somebody else's")

    assert sweep.put_away(arrived(a)) == [("kept", "source-error")]
    assert sweep.holds()["imported/day/a.tif"] == "somebody else's"
    assert a.read_text() == "a.tif"
