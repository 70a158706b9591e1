"""What people hear besides outcomes: that an import waits, and how the day went."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.core.errors import OmeroUnavailable
from flows.core.notify.messages import ROWS_IN_A_MESSAGE
from flows.core.notify.notices import Day, Delay, Matter, ServerDay, digest, interim_word
from flows.core.notify.words import moment
from flows.core.requests import Failure

NOW = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
DELAY = Delay(
    run_id="6b1f0c52",
    run_name="alice: cells.tif into Dataset:name:Cells",
    run_url="http://prefect.example/runs/flow-run/6b1f0c52",
    user="alice",
    server="main",
    since=NOW - timedelta(hours=2, minutes=5),
    now=NOW,
    reason=Failure.of(OmeroUnavailable()),
    next_try=NOW + timedelta(hours=2),
)
FAILED = Matter("alice: cells.tif", "http://prefect.example/1", "OMERO cannot read it.", NOW - timedelta(days=3))
UNSENT = Matter("Done -> alice@lab.example", "http://prefect.example/2", "The mail server is away.", NOW)


def day(**changes: Any) -> Day:
    usual = {"begin": NOW - timedelta(days=1), "end": NOW, "console": "http://prefect.example"}
    return Day(**{**usual, "servers": (ServerDay("main", completed=12, failed=2, waiting=5),), **changes})


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_interim_word_says_why_since_when_and_when_it_goes_on(form: str) -> None:
    words = getattr(interim_word(DELAY), form)

    assert OmeroUnavailable().what in words
    assert "2 h 5 min ago" in words
    assert f"The next try is on {moment(NOW + timedelta(hours=2))}" in words
    assert "You need do nothing" in words
    assert DELAY.run_url in words


def test_the_interim_word_is_about_the_import_and_does_not_tell_people_their_own_name() -> None:
    assert interim_word(DELAY).subject == "Your import waits: cells.tif into Dataset:name:Cells"


def test_who_waits_for_a_place_is_told_so() -> None:
    words = interim_word(Delay(**{**vars(DELAY), "reason": None, "next_try": None})).text

    assert "it waits for its turn" in words
    assert "as soon as there is a place" in words


@pytest.mark.parametrize(
    ("changes", "subject", "tone"),
    [
        pytest.param({}, "omero-courier: 14 imports ended", "success", id="a quiet day"),
        pytest.param({"servers": ()}, "omero-courier: no imports ended", "success", id="nothing at all"),
        pytest.param(
            {"failed": (FAILED,), "unsent": (UNSENT, UNSENT)},
            "omero-courier: 14 imports ended, 1 failed import to look at, 2 messages not sent",
            "warning",
            id="something waits for somebody",
        ),
        pytest.param(
            {"servers": (ServerDay("main", away_since=NOW - timedelta(hours=2)),)},
            "omero-courier: no imports ended, main does not answer",
            "warning",
            id="a server is away",
        ),
    ],
)
def test_the_digest_says_in_its_subject_whether_somebody_is_needed(
    changes: dict[str, Any], subject: str, tone: str
) -> None:
    message = digest(day(**changes))

    assert (message.subject, message.tone) == (subject, tone)


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_digest_lists_what_waits_for_somebody_with_links(form: str) -> None:
    words = getattr(digest(day(failed=(FAILED,), unsent=(UNSENT,))), form)

    for matter in (FAILED, UNSENT):
        assert matter.url in words
        assert matter.why in words
    assert "3 days ago" in words
    assert "12 completed, 0 in part, 2 failed, 0 cancelled" in words


def test_a_long_list_in_the_digest_is_cut_and_says_where_the_rest_is() -> None:
    words = digest(day(failed=(FAILED,) * 50)).text

    assert words.count(FAILED.url) == ROWS_IN_A_MESSAGE
    assert "and 30 more: all runs: http://prefect.example" in words
