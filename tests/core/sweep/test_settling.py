"""What is still being written is left alone."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from flows.core.sweep.settling import wait_for, words
from flows.core.sweep.verdicts import Verdict
from tests.support.watched import HOUR, MINUTE, NOW, Watched, codes, of

QUIET = timedelta(minutes=5)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.mark.parametrize(
    ("age", "seen", "code"),
    [
        pytest.param(300, 60, "", id="old enough, seen before"),
        pytest.param(300, None, "first-look", id="old enough, not seen before"),
        pytest.param(299, 60, "quiet-period", id="too young"),
        pytest.param(10, None, "quiet-period", id="too young, not seen before"),
        pytest.param(-1, 600, "quiet-period", id="a clock that is a little ahead"),
        pytest.param(-600, None, "clock-ahead", id="in the future, not seen before"),
        pytest.param(-600, 299, "clock-ahead", id="in the future, seen for a while"),
        pytest.param(-600, 300, "", id="in the future, seen for the quiet period"),
        pytest.param(-40 * 86_400, 299, "clock-ahead", id="far in the future"),
        pytest.param(60 * 365 * 86_400, 1, "", id="of 1970"),
    ],
)
def test_a_file_settles_by_its_time_or_by_two_looks(age: float, seen: float | None, code: str) -> None:
    since = None if seen is None else NOW - seen

    wait = wait_for(int((NOW - age) * 1e9), since, now=NOW, quiet=QUIET)

    assert (wait.code if wait else "") == code


def test_without_a_quiet_period_one_look_is_enough() -> None:
    assert wait_for(int((NOW + 600) * 1e9), None, now=NOW, quiet=timedelta()) is None


@pytest.mark.parametrize(
    ("age", "since", "says"),
    [
        (60, None, "It changed 1 minute ago, and has to be left alone for 5 minutes: 4 minutes more."),
        (
            -3600,
            NOW - 60,
            "Its time lies 1 hour in the future, so a clock is wrong; it is taken once sweeps have seen ",
        ),
    ],
    ids=["young", "in the future"],
)
def test_it_says_for_how_much_longer(age: float, since: float | None, says: str) -> None:
    wait = wait_for(int((NOW - age) * 1e9), since, now=NOW, quiet=QUIET)

    assert wait is not None
    assert wait.reason.startswith(says)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (90, "1 minute 30 seconds"), (7200, "2 hours"), (90_061, "1 day 1 hour"), (3600.4, "1 hour")],
)
def test_lengths_of_time_are_written_for_people(seconds: float, text: str) -> None:
    assert words(seconds) == text


def test_what_grows_between_looks_is_not_taken_although_its_time_is_old(watched: Watched) -> None:
    watched.write("alice/a.tif")
    watched.look()

    watched.write("alice/a.tif", content=b"a longer image")

    assert codes(watched.look(10 * MINUTE)) == {"a.tif": "settling first-look"}
    assert codes(watched.look(10 * MINUTE)) == {"a.tif": "new settled"}


def test_a_file_that_arrives_holds_up_no_other(watched: Watched) -> None:
    watched.write("alice/a.tif")
    watched.look()

    watched.write("alice/b.tif", age=0)

    assert codes(watched.look(MINUTE)) == {"a.tif": "new settled", "b.tif": "settling quiet-period"}


def test_a_wrong_clock_is_reported_and_two_looks_decide(watched: Watched) -> None:
    watched.write("alice/a.tif", age=-30 * 24 * HOUR)
    watched.look()

    found = watched.look(4 * MINUTE)

    assert codes(found) == {"a.tif": "settling clock-ahead"}
    assert [each.code for each in found.problems] == ["clock-ahead"]
    assert codes(watched.look(MINUTE)) == {"a.tif": "new settled"}


def test_a_time_that_no_clock_shows_is_as_good_as_any(watched: Watched) -> None:
    path = watched.write("alice/a.tif")
    os.utime(path, ns=(0, 2**33 * 10**9 + 1))
    if path.stat().st_mtime_ns < NOW * 1e9:
        pytest.skip("this file system keeps no such time")
    watched.look()

    assert codes(watched.look(HOUR)) == {"a.tif": "new settled"}
    watched.remember(of(watched.look(), Verdict.NEW), Verdict.IMPORTED)
    assert watched.look(HOUR).counts == {Verdict.IMPORTED: 1}


def test_our_own_clock_may_be_set_back(watched: Watched) -> None:
    watched.write("alice/a.tif")
    watched.look()

    assert codes(watched.look(-30 * MINUTE)) == {"a.tif": "new settled"}


def test_without_a_quiet_period_the_first_look_takes_it(watched: Watched) -> None:
    watched.defined(settled={"quiet_minutes": 0})
    watched.write("alice/a.tif", age=0)

    assert codes(watched.look()) == {"a.tif": "new settled"}


@pytest.mark.parametrize(
    ("marker", "name"),
    [
        ("{stem}.done", "a.done"),
        ("ready.txt", "ready.txt"),
    ],
    ids=["beside it", "in its folder"],
)
def test_with_a_marker_it_waits_for_that(watched: Watched, marker: str, name: str) -> None:
    watched.defined(settled={"marker": marker})
    watched.write("alice/a.tif")
    watched.look()
    assert codes(watched.look(HOUR)) == {"a.tif": "settling marker"}

    watched.write(f"alice/{name}", age=0)

    found = watched.look(HOUR)
    assert codes(found) == {"a.tif": "new settled"}
    assert found.skipped == {"companion": 1}


def test_where_a_sidecar_is_wanted_it_waits_for_that(watched: Watched) -> None:
    watched.defined(settled={"sidecar": True})
    watched.write("alice/day/a.tif")
    watched.look()
    assert codes(watched.look(HOUR)) == {"a.tif": "settling sidecar"}

    watched.write("alice/import.yml", age=0)

    assert codes(watched.look(HOUR)) == {"a.tif": "new settled"}


def test_a_file_under_a_temporary_name_is_waited_for_under_its_final_one(watched: Watched) -> None:
    watched.write("alice/a.tif.part", age=0)
    watched.look()
    assert watched.look(HOUR).counts == {Verdict.SKIPPED: 1}

    (watched.root / "alice/a.tif.part").rename(watched.root / "alice/a.tif")

    watched.look(HOUR)
    assert codes(watched.look(HOUR)) == {"a.tif": "new settled"}
