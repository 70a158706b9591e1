"""What a sweep decides about a folder, look by look."""

import os
from pathlib import Path

import pytest

from flows.core.sweep.verdicts import Verdict
from tests.support.watched import HOUR, MINUTE, Watched, codes, names, of


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_is_unchanged_at_two_looks_is_new_with_its_assignment(watched: Watched) -> None:
    watched.write("alice/day 1/a.tif")

    assert names(watched.look(), Verdict.SETTLING) == ["a.tif"]
    (new,) = of(watched.look(5 * MINUTE), Verdict.NEW)

    assert new.path == f"{watched.root}/alice/day 1/a.tif"
    assert new.fileset is not None
    assert new.fileset.files[0].size == 5
    assert new.assignment is not None
    assert new.assignment.user == "alice"


def test_what_was_not_handed_over_is_new_again(watched: Watched) -> None:
    watched.write("alice/a.tif", "bob/b.tif")
    first = watched.second_look()

    watched.remember(of(first, Verdict.NEW)[:1], Verdict.SUBMITTED)

    assert codes(watched.look(MINUTE)) == {"a.tif": "submitted submitted", "b.tif": "new settled"}


@pytest.mark.parametrize(
    ("verdict", "listed"),
    [
        pytest.param(Verdict.SUBMITTED, True, id="submitted"),
        pytest.param(Verdict.IMPORTED, False, id="imported"),
        pytest.param(Verdict.FAILED, True, id="failed"),
        pytest.param(Verdict.QUARANTINED, True, id="quarantined by the sweep for what its import said"),
    ],
)
def test_a_verdict_stands_while_the_file_is_unchanged(watched: Watched, verdict: Verdict, *, listed: bool) -> None:
    watched.write("alice/a.tif")
    watched.remember(of(watched.second_look(), Verdict.NEW), verdict)

    for _ in range(3):
        found = watched.look(HOUR)

        assert found.counts == {verdict: 1}
        assert [(each.verdict, each.run_id) for each in found.decisions] == [(verdict, "run-1")] * listed


@pytest.mark.parametrize("verdict", [Verdict.IMPORTED, Verdict.FAILED, Verdict.QUARANTINED])
def test_what_changed_settles_and_is_new_again(watched: Watched, verdict: Verdict) -> None:
    watched.write("alice/a.tif", "alice/b.tif")
    watched.remember(of(watched.second_look(), Verdict.NEW), verdict)

    watched.write("alice/a.tif", content=b"another image")

    assert watched.look(MINUTE).counts == {Verdict.SETTLING: 1, verdict: 1}
    found = watched.look(10 * MINUTE)
    assert found.counts == {Verdict.NEW: 1, verdict: 1}
    assert names(found, Verdict.NEW) == ["a.tif"]


def test_what_changed_while_an_import_has_it_waits_for_that_import(watched: Watched) -> None:
    watched.write("alice/a.tif")
    new = of(watched.second_look(), Verdict.NEW)
    watched.remember(new, Verdict.SUBMITTED)
    watched.write("alice/a.tif", content=b"another image")

    meanwhile = [watched.look(HOUR).counts for _ in range(2)]
    watched.remember(new, Verdict.IMPORTED)

    assert meanwhile == [{Verdict.SUBMITTED: 1}] * 2
    assert watched.look(HOUR).counts == {Verdict.SETTLING: 1}
    assert watched.look(HOUR).counts == {Verdict.NEW: 1}


def test_what_was_renamed_is_new_under_its_new_name(watched: Watched) -> None:
    watched.imported("alice/a.tif")

    (watched.root / "alice/a.tif").rename(watched.root / "alice/b.tif")

    assert watched.look(HOUR).counts == {Verdict.SETTLING: 1}
    assert names(watched.look(HOUR), Verdict.NEW) == ["b.tif"]


def test_a_memory_that_was_deleted_costs_one_more_look(watched: Watched) -> None:
    watched.imported("alice/a.tif")

    watched.file.unlink()

    assert watched.look(HOUR).counts == {Verdict.SETTLING: 1}
    assert watched.look(HOUR).counts == {Verdict.NEW: 1}


def test_what_is_released_is_new_at_the_next_look(watched: Watched) -> None:
    watched.write("alice/a.tif")
    watched.remember(of(watched.second_look(), Verdict.NEW), Verdict.FAILED)
    watched.look(MINUTE)

    with watched.memory() as memory:
        memory.release(str(watched.root / "alice"))

    assert names(watched.look(MINUTE), Verdict.NEW) == ["a.tif"]


def test_what_goes_is_forgotten(watched: Watched) -> None:
    watched.imported("alice/a.tif", "alice/b.tif", "bob/day/c.tif", "bob/d.tif")

    (watched.root / "alice/a.tif").unlink()
    (watched.root / "bob/day/c.tif").unlink()
    (watched.root / "bob/day").rmdir()
    watched.look(MINUTE)

    with watched.memory() as memory:
        left = {each.fileset.name for each in memory.arrived()}
    assert left == {"b.tif", "d.tif"}


def test_what_goes_while_an_import_has_it_is_remembered_until_that_is_over(watched: Watched) -> None:
    watched.write("alice/day/a.tif", "alice/b.tif")
    new = of(watched.second_look(), Verdict.NEW)
    watched.remember(new, Verdict.SUBMITTED)
    (watched.root / "alice/day/a.tif").unlink()
    (watched.root / "alice/day").rmdir()
    (watched.root / "alice/b.tif").unlink()

    watched.look(MINUTE)

    with watched.memory() as memory:
        assert len(memory.of_runs()["run-1"]) == 2


def test_only_as_much_as_one_sweep_hands_over_is_put_together(watched: Watched) -> None:
    watched.defined(limits={"filesets_per_sweep": 3})
    watched.write(*(f"alice/day {day}/{n}.tif" for day in range(4) for n in range(2)))

    found = watched.second_look()

    assert found.counts == {Verdict.NEW: 3, Verdict.WAITING: 5}
    watched.remember(of(found, Verdict.NEW), Verdict.IMPORTED)
    assert watched.look(MINUTE).counts == {Verdict.NEW: 3, Verdict.WAITING: 2, Verdict.IMPORTED: 3}


def test_files_and_folders_are_counted_at_every_look(watched: Watched) -> None:
    watched.write("alice/a.tif", "alice/notes.txt", "bob/.hidden.tif", "bob/old/b.tif")

    looks = [watched.look(HOUR) for _ in range(4)]

    assert [(each.files, each.folders) for each in looks] == [(4, 4)] * 4
    assert [each.skipped["hidden"] for each in looks] == [1] * 4
    assert [each.skipped["nothing-importable"] for each in looks] == [0, 1, 1, 1]


def test_the_lists_are_capped_but_not_the_counts(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.core.sweep.findings.SHOWN", 2)
    watched.write(*(f"alice/{n}.tif" for n in range(5)))

    found = watched.look()

    assert (len(found.decisions), found.counts) == (2, {Verdict.SETTLING: 5})


def test_what_nobody_owns_is_quarantined_once_and_for_all(watched: Watched) -> None:
    watched.write("nobody/a.tif")
    watched.second_look()

    looks = [watched.look(HOUR) for _ in range(2)]

    assert [codes(each) for each in looks] == [{"a.tif": "quarantined unassigned"}] * 2
    (decision,) = looks[0].decisions
    assert decision.reason == "Nobody is named after its folder. Move it to somebody's folder."
    with watched.memory() as memory:
        (known,) = memory.with_verdict(Verdict.QUARANTINED)
    assert known.since == watched.now - 2 * HOUR


def test_what_nobody_owns_is_only_counted_where_that_is_wanted(watched: Watched) -> None:
    watched.definition = watched.definition.model_copy(
        update={"assign": watched.definition.assign.model_copy(update={"unknown_user": "leave"})}
    )
    watched.write("nobody/a.tif")

    found = watched.second_look()

    assert (found.decisions, dict(found.skipped)) == ([], {"unassigned": 1})


def test_what_the_sweep_itself_decided_to_skip_is_counted_by_its_code(watched: Watched) -> None:
    watched.write("alice/a.tif")
    watched.remember(of(watched.second_look(), Verdict.NEW), Verdict.SKIPPED, code="unknown-user", run_id=None)

    found = [watched.look(HOUR) for _ in range(2)]

    assert [(each.counts, each.skipped) for each in found] == [({Verdict.SKIPPED: 1}, {"unknown-user": 1})] * 2


def test_what_was_skipped_is_judged_anew_under_other_rules(watched: Watched) -> None:
    watched.defined(files={"exclude": ["*.czi"]})
    watched.imported("alice/a.tif")
    watched.write("alice/b.czi")
    assert watched.look(HOUR).skipped == {"excluded": 1}

    watched.defined()
    watched.look(HOUR)
    found = watched.look(HOUR)

    assert names(found, Verdict.NEW) == ["b.czi"]
    assert found.counts[Verdict.IMPORTED] == 1


def test_a_file_that_may_not_be_read_is_quarantined_until_it_may(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write("alice/a.tif")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert codes(watched.second_look()) == {"a.tif": "quarantined source-unreadable"}

    monkeypatch.undo()

    assert codes(watched.look(MINUTE)) == {"a.tif": "new settled"}
