"""Numbers and names as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.core.notify.words import ago, duration, moment, plural, short, size


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_940, "99.9 kB"),
        (212_345_678, "212 MB"),
        (999_999_999, "1.0 GB"),
        (5_100_000_000, "5.1 GB"),
        (3e15, "3000.0 TB"),
    ],
)
def test_sizes_have_a_unit_that_fits(count: float, expected: str) -> None:
    assert size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "less than 1 s"), (1.2, "1 s"), (59.7, "1 min 0 s"), (133, "2 min 13 s"), (7261, "2 h 1 min")],
)
def test_durations_have_two_units_at_most(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, "no files"), (1, "1 file"), (2, "2 files")])
def test_nouns_follow_their_number(count: int, expected: str) -> None:
    assert plural(count, "file") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, "less than 1 s ago"), (133, "2 min 13 s ago"), (90_000, "25 h 0 min ago"), (3 * 86_400 + 5, "3 days ago")],
)
def test_it_is_said_how_long_ago_something_was(seconds: float, expected: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    assert ago(now - timedelta(seconds=seconds), now) == expected


def test_a_moment_is_told_in_the_local_time_of_the_machine() -> None:
    when = datetime(2026, 11, 3, 10, 5, tzinfo=UTC)

    assert moment(when) == f"3 November 2026, {when.astimezone():%H:%M %Z}"


def test_a_long_name_is_cut() -> None:
    assert short("x" * 300) == "x" * 79 + "…"
