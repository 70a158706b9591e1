"""Files that belong together are decided about together, wherever they lie and in whatever order they come."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flows.core.errors import RequestError, SourceIncomplete
from flows.core.requests import Failure, Fileset, SourceFile
from flows.core.sweep import grouping
from flows.core.sweep.verdicts import Verdict
from flows.core.verify import Expansion
from tests.support.watched import HOUR, MINUTE, Watched, codes, of


class Plates:
    """Puts together `plate.xml`, which says how many files are in `plate_files/`; a folder is all of its files."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.most = 100

    def __call__(self, sources: Sequence[str], **_: Any) -> Expansion:
        self.asked.append(list(sources))
        filesets: dict[tuple[Path, ...], Fileset] = {}
        refused: dict[Path, Failure] = {}
        for path in map(Path, sources):
            opener = path.parent.with_name(path.parent.name.replace("_files", ".xml"))
            files = self.files(path if path.is_dir() else opener if path.parent.name.endswith("_files") else path)
            if len(files) > self.most:
                raise RequestError("Too many files.")
            if not files[0].exists() or (files[0].suffix == ".xml" and len(files) <= int(files[0].read_text())):
                refused.setdefault(files[0], Failure.of(SourceIncomplete(which=str(path))))
            else:
                filesets[files] = Fileset(files=tuple(map(source, files)))
        return Expansion(filesets=tuple(filesets.values()), refused=tuple(refused.values()))

    def files(self, path: Path) -> tuple[Path, ...]:
        if path.is_dir():
            return tuple(sorted(each for each in path.rglob("*") if each.is_file()))
        return (path, *sorted(path.with_name(f"{path.stem}_files").glob("*")))


def source(path: Path) -> SourceFile:
    look = path.stat()
    return SourceFile(path=str(path), client_path=str(path), size=look.st_size, mtime_ns=look.st_mtime_ns)


@pytest.fixture
def plates(monkeypatch: pytest.MonkeyPatch) -> Plates:
    plates = Plates()
    monkeypatch.setattr(grouping, "expand", plates)
    return plates


@pytest.fixture
def watched(tmp_path: Path, plates: Plates) -> Watched:
    return Watched(tmp_path)


def plate(watched: Watched, images: int = 3, *, there: int = 3, age: float = HOUR) -> None:
    watched.write("alice/plate.xml", content=str(images).encode(), age=age)
    watched.write(*(f"alice/plate_files/{n}.tif" for n in range(there)), age=age)


def imported(watched: Watched) -> None:
    plate(watched)
    watched.second_look()
    watched.remember(of(watched.look(MINUTE), Verdict.NEW), Verdict.IMPORTED)


def test_a_set_in_several_folders_is_seen_twice_as_a_set_and_new_once(watched: Watched) -> None:
    plate(watched)

    looks = [watched.look(10 * MINUTE) for _ in range(4)]

    assert [dict(each.counts) for each in looks] == [
        {Verdict.SETTLING: 4},
        {Verdict.SETTLING: 1},
        {Verdict.NEW: 1},
        {Verdict.NEW: 1},
    ]
    (new,) = of(looks[3], Verdict.NEW)
    assert new.fileset is not None
    assert [Path(each.path).name for each in new.fileset.files] == ["plate.xml", "0.tif", "1.tif", "2.tif"]


@pytest.mark.parametrize("verdict", [Verdict.SUBMITTED, Verdict.IMPORTED, Verdict.FAILED])
def test_a_set_is_counted_once(watched: Watched, verdict: Verdict) -> None:
    plate(watched)
    watched.second_look()
    watched.remember(of(watched.look(MINUTE), Verdict.NEW), verdict)

    assert [watched.look(HOUR).counts for _ in range(2)] == [{verdict: 1}] * 2


def test_a_file_of_it_that_is_still_written_holds_up_the_set(watched: Watched) -> None:
    plate(watched)
    watched.second_look()

    watched.write("alice/plate_files/2.tif", content=b"longer", age=0)

    assert watched.look(MINUTE).counts[Verdict.NEW] == 0
    assert watched.look(4 * MINUTE).counts == {Verdict.SETTLING: 1}
    assert watched.look(MINUTE).counts == {Verdict.NEW: 1}


def test_what_comes_late_is_waited_for_and_then_told_of(watched: Watched) -> None:
    plate(watched, there=2, age=0)
    watched.look()

    assert watched.look(4 * MINUTE).counts[Verdict.QUARANTINED] == 0
    assert codes(watched.look(MINUTE)) == {"plate.xml": "quarantined source-incomplete"}


def test_what_comes_very_late_completes_the_set(watched: Watched) -> None:
    plate(watched, there=2)
    assert codes(watched.second_look()) == {"plate.xml": "quarantined source-incomplete"}

    watched.write("alice/plate_files/2.tif")
    for _ in range(2):
        watched.look(MINUTE)
    new = of(watched.look(MINUTE), Verdict.NEW)
    watched.remember(new, Verdict.IMPORTED)

    assert len(new) == 1
    assert watched.look(MINUTE).counts == {Verdict.IMPORTED: 1}
    with watched.memory() as memory:
        assert list(memory.with_verdict(Verdict.QUARANTINED)) == []


def test_files_that_come_first_are_no_set_yet(watched: Watched) -> None:
    watched.write("alice/plate_files/0.tif", "alice/plate_files/1.tif")

    assert codes(watched.second_look()) == {"0.tif": "quarantined source-incomplete"}
    watched.write("alice/plate.xml", content=b"2")

    for _ in range(3):
        found = watched.look(10 * MINUTE)
    assert found.counts[Verdict.NEW] == 1
    assert names_of(found) == ["plate.xml", "0.tif", "1.tif"]


def names_of(found) -> list[str]:
    (new,) = of(found, Verdict.NEW)
    return [Path(each.path).name for each in new.fileset.files]


@pytest.mark.parametrize("changed", ["plate.xml", "plate_files/1.tif"])
def test_an_imported_set_of_which_a_file_changed_is_new_again(watched: Watched, changed: str) -> None:
    imported(watched)
    watched.look(HOUR)

    watched.write(f"alice/{changed}", content=b"3", age=0)
    looks = [watched.look(10 * MINUTE) for _ in range(4)]

    assert [each.counts[Verdict.IMPORTED] for each in looks[1:]] == [0, 0, 0]
    assert looks[0].counts[Verdict.NEW] == 0
    assert looks[3].counts == {Verdict.NEW: 1}


def test_an_imported_set_of_which_a_file_went_is_incomplete(watched: Watched) -> None:
    imported(watched)

    (watched.root / "alice/plate_files/1.tif").unlink()
    for _ in range(3):
        found = watched.look(HOUR)

    assert set(codes(found).values()) == {"quarantined source-incomplete"}
    assert found.counts[Verdict.IMPORTED] == 0


def test_a_set_is_asked_for_once_however_many_files_lead_to_it(watched: Watched, plates: Plates) -> None:
    plate(watched, images=90, there=80)
    watched.look()

    plates.asked.clear()
    watched.look(HOUR)

    assert len(plates.asked) == 1


def test_a_set_of_too_many_files_is_told_of(watched: Watched, plates: Plates) -> None:
    plates.most = 3
    plate(watched)
    watched.write("alice/single.tif")

    found = watched.second_look()

    assert codes(found)["plate.xml"] == "quarantined request-error"
    assert codes(found)["single.tif"] == "new settled"


def test_a_folder_that_is_one_thing_is_one_fileset(watched: Watched) -> None:
    watched.write("alice/a.zarr/.zattrs", "alice/a.zarr/0/.zarray", "alice/a.zarr/0/0/0")

    looks = [watched.look(10 * MINUTE) for _ in range(2)]

    assert [each.counts for each in looks] == [{Verdict.SETTLING: 1}, {Verdict.NEW: 1}]
    assert looks[1].files == 3
    assert names_of(looks[1]) == [".zattrs", ".zarray", "0"]


def test_a_folder_that_is_one_thing_changes_with_anything_in_it(watched: Watched) -> None:
    watched.write("alice/a.zarr/.zattrs", "alice/a.zarr/0/0")
    watched.remember(of(watched.second_look(), Verdict.NEW), Verdict.IMPORTED)
    assert [watched.look(HOUR).counts for _ in range(2)] == [{Verdict.IMPORTED: 1}] * 2

    watched.write("alice/a.zarr/0/1", age=0)

    looks = [watched.look(10 * MINUTE) for _ in range(2)]
    assert [each.counts for each in looks] == [{Verdict.SETTLING: 1}, {Verdict.NEW: 1}]


def test_the_marker_of_a_folder_that_is_one_thing_lies_beside_it(watched: Watched) -> None:
    watched.defined(settled={"marker": "{stem}.done"})
    watched.write("alice/a.zarr/.zattrs")
    assert codes(watched.second_look()) == {".zattrs": "settling marker"}

    watched.write("alice/a.done")

    assert codes(watched.look(HOUR)) == {".zattrs": "new settled"}


def test_a_set_that_appears_around_an_imported_file_is_new_as_a_whole(watched: Watched) -> None:
    watched.write("alice/plate.xml", content=b"0")
    watched.remember(of(watched.second_look(), Verdict.NEW), Verdict.IMPORTED)

    watched.write("alice/plate_files/0.tif", age=0)
    for _ in range(3):
        found = watched.look(10 * MINUTE)

    assert names_of(found) == ["plate.xml", "0.tif"]
