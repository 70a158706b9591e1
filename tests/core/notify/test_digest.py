"""The digest says what happened, and what waits for an administrator."""

from datetime import date

import pytest

from flows.core.notify.digest import Digest, Ended, Undone, digest_message

QUIET = Digest(
    day=date(2026, 11, 23),
    servers=(Ended(server="main", completed=3, images=1200, volume=5_000_000_000),),
    failures=(),
    failures_in_all=0,
    unsent=(),
    unsent_in_all=0,
    console="http://ui",
)
FAILED = Undone(what="alice: cells.tif", url="http://ui/1", why="OMERO cannot import this file.")


def test_a_good_day() -> None:
    message = digest_message(QUIET)

    assert message.subject == "omero-courier: digest of 23 November 2026"
    assert "1200 images imported; nothing waits for you." in message.text
    assert "main: 3 imports completed, 0 failed, 0 cancelled; 1200 images, 5.0 GB." in message.text
    assert message.tone == "success"


def test_a_day_without_imports() -> None:
    nothing = QUIET.model_copy(update={"servers": (Ended(server="main"),)})

    assert "No images imported; nothing waits for you." in digest_message(nothing).text


@pytest.mark.parametrize("field", ["failures", "unsent"])
def test_what_waits_is_listed_and_counted(field: str) -> None:
    message = digest_message(QUIET.model_copy(update={field: (FAILED,), f"{field}_in_all": 7}))

    assert "7 matters wait for you" in message.text
    assert "alice: cells.tif" in message.text
    assert "OMERO cannot import this file." in message.text
    assert "and 6 more" in message.text
    assert message.tone == "warning"


def test_an_omero_that_is_away_is_told() -> None:
    away = Ended(server="main", away="since 2026-11-23T05:00:00+00:00: OMERO does not answer.")

    message = digest_message(QUIET.model_copy(update={"servers": (away,)}))

    assert "It has been away since 2026-11-23T05:00:00+00:00: OMERO does not answer." in message.text
    assert message.tone == "failure"
