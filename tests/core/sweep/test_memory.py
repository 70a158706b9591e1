"""What a sweep remembers, and what happens to a file that is of no use."""

import logging
import sqlite3
from pathlib import Path

import pytest

from flows.core.requests import Fileset, SourceFile
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Assignment, Verdict


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "not there yet" / "lab.sqlite"


def fileset(*paths: str, mtime_ns: int = 1) -> Fileset:
    files = [SourceFile(path=path, client_path=path, size=5, mtime_ns=mtime_ns) for path in paths]
    return Fileset(files=tuple(files), reader="loci.formats.in.ICSReader" if len(paths) > 1 else None)


def remembered(*paths: str, verdict: Verdict = Verdict.SUBMITTED, run_id: str | None = "run-1", **more) -> Remembered:
    given = {"code": verdict.value, "reason": "As it is.", "since": 12.5, **more}
    if paths:
        given["fileset"] = fileset(*paths)
    return Remembered(verdict=verdict, run_id=run_id, **given)


def paths_of(items) -> list[str]:
    return sorted(each.fileset.files[0].client_path for each in items)


def test_everything_is_kept_over_a_restart(file: Path) -> None:
    assignment = Assignment(user="alice", tags=("a", "b"), key_values={"Dye": "DAPI"})
    item = remembered("/w/a\n.ics", "/w/sub/a.ids", assignment=assignment)

    with Memory.opened(file) as memory:
        memory.remember([item])

    with Memory.opened(file) as memory:
        assert memory.get(item.fileset.key) == item


def test_a_file_behind_a_link_and_one_of_the_far_future_are_kept_as_they_are(file: Path) -> None:
    away = SourceFile(path="/disk/a.tif", client_path="/w/a.tif", size=2**40, mtime_ns=2**64)
    item = remembered(fileset=Fileset(files=(away,)))

    with Memory.opened(file) as memory:
        memory.remember([item])

        assert memory.get(item.fileset.key) == item


def test_what_is_submitted_is_found_by_its_run(file: Path) -> None:
    with Memory.opened(file) as memory:
        memory.remember([remembered("/w/a.tif"), remembered("/w/b.tif"), remembered("/w/c.tif", run_id="run-2")])
        memory.remember([remembered("/w/d.tif", verdict=Verdict.IMPORTED)])

        runs = memory.of_runs()

    assert {run: paths_of(items) for run, items in runs.items()} == {
        "run-1": ["/w/a.tif", "/w/b.tif"],
        "run-2": ["/w/c.tif"],
    }


def test_what_is_remembered_again_replaces_what_was(file: Path) -> None:
    with Memory.opened(file) as memory:
        memory.remember([remembered("/w/a.tif")])
        memory.remember([remembered("/w/a.tif", verdict=Verdict.FAILED)])

        assert memory.of_runs() == {}
        assert paths_of(memory.with_verdict(Verdict.FAILED)) == ["/w/a.tif"]


def test_what_arrived_may_be_forgotten_while_it_is_gone_through(file: Path) -> None:
    with Memory.opened(file) as memory:
        memory.remember(remembered(f"/w/{n}.tif", verdict=Verdict.IMPORTED) for n in range(1200))

        for each in memory.arrived():
            memory.forget([each.fileset.key])
            memory.remember([remembered("/w/further.tif", verdict=Verdict.IMPORTED)])

        assert paths_of(memory.arrived()) == ["/w/further.tif"]


def test_of_what_cannot_be_remembered_as_a_whole_nothing_is(file: Path) -> None:
    def broken():
        yield remembered("/w/a.tif")
        raise RuntimeError

    with Memory.opened(file) as memory:
        with pytest.raises(RuntimeError):
            memory.remember(broken())

        assert memory.of_runs() == {}


@pytest.mark.parametrize(
    ("path", "released"),
    [
        pytest.param(None, ["/w/a.tif", "/w/sub/b.tif", "/w/sub-2/c.tif"], id="everything"),
        pytest.param("/w/sub", ["/w/sub/b.tif"], id="a folder"),
        pytest.param("/w/sub/b.tif", ["/w/sub/b.tif"], id="a file"),
        pytest.param("/w/none", [], id="nothing"),
    ],
)
def test_what_failed_or_was_quarantined_is_released(file: Path, path: str | None, released: list[str]) -> None:
    with Memory.opened(file) as memory:
        memory.remember(remembered(each, verdict=Verdict.FAILED) for each in ("/w/a.tif", "/w/sub/b.tif"))
        memory.remember([remembered("/w/sub-2/c.tif", verdict=Verdict.QUARANTINED)])
        memory.remember([remembered("/w/sub/d.tif", verdict=Verdict.IMPORTED)])

        count = memory.release(path)

        assert count == len(released)
        assert paths_of(memory.with_verdict(Verdict.SETTLING)) == sorted(released)


def garbage(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def of_another_version(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("pragma user_version = 99")
        other.execute("create table fileset (id)")


def torn(file: Path) -> None:
    with Memory.opened(file) as memory:
        memory.remember(remembered(f"/w/{n}.tif") for n in range(1000))
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)


@pytest.mark.parametrize("spoil", [garbage, of_another_version], ids=["corrupt", "another version"])
def test_a_file_that_is_of_no_use_is_set_aside(file: Path, spoil, caplog: pytest.LogCaptureFixture) -> None:
    file.parent.mkdir()
    spoil(file)
    before = file.read_bytes()

    with caplog.at_level(logging.WARNING), Memory.opened(file) as memory:
        memory.remember([remembered("/w/a.tif")])

    assert "begun anew" in caplog.text
    assert file.with_name("lab.sqlite.aside").read_bytes() == before


def test_a_file_that_breaks_in_use_is_set_aside_for_the_next_time(file: Path) -> None:
    torn(file)

    with pytest.raises(sqlite3.DatabaseError), Memory.opened(file) as memory:
        memory.of_runs()

    with Memory.opened(file) as memory:
        assert memory.of_runs() == {}
    assert file.with_name("lab.sqlite.aside").exists()


def test_one_reads_while_another_writes(file: Path) -> None:
    with Memory.opened(file) as sweep, sweep.changing():
        sweep.remember([remembered("/w/a.tif")])

        with Memory.opened(file) as question:
            assert question.get(fileset("/w/a.tif").key) is None


def test_who_only_looks_reads_what_a_sweep_wrote_and_is_writing_beside(file: Path) -> None:
    item = remembered("/w/a.tif")
    with Memory.opened(file) as memory, memory.changing():
        memory.remember([item])
        with Memory.looked_at(file) as seen:
            during = seen.get(item.fileset.key)
    with Memory.looked_at(file) as seen:
        assert (during, seen.get(item.fileset.key)) == (None, item)


def test_who_only_looks_changes_nothing(file: Path) -> None:
    with Memory.opened(file) as memory:
        memory.set_note("device", "1")
    with Memory.looked_at(file) as seen:
        seen.set_note("device", "2")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            seen.remember([remembered("/w/a.tif")])

        assert seen.note("device") == "1"


def test_who_only_looks_begins_no_memory(file: Path) -> None:
    with pytest.raises(sqlite3.OperationalError), Memory.looked_at(file):
        pass

    assert not file.parent.exists()
