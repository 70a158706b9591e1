"""The interim word says what waits, why, and that nothing has to be done."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.core.notify.delays import DelayedImport, delay_word

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def delayed(name: str, **more: object) -> DelayedImport:
    usual = {
        "run_id": f"{name}-id",
        "run_name": name,
        "run_url": f"http://ui/{name}",
        "since": NOW,
        "why": "It is away.",
    }
    return DelayedImport.model_validate({**usual, **more})


def test_one_import_is_named_in_the_subject() -> None:
    word = delay_word("alice", "main", [delayed("alice: cells.tif into Cells")])

    assert word.subject == "Your import has to wait: alice: cells.tif into Cells"
    assert "It is away." in word.text
    assert "alice: cells.tif into Cells-id" in word.text
    assert "Nothing is lost" in word.text


def test_several_are_counted() -> None:
    word = delay_word("alice", "main", [delayed(f"import-{number}") for number in range(25)])

    assert word.subject == "25 imports of yours have to wait"
    assert "import-19" in word.text
    assert "import-20" not in word.text
    assert "and 5 more" in word.text


@pytest.mark.parametrize(
    ("next_try", "told"),
    [(None, "as soon as it can"), (NOW + timedelta(hours=2), "23 November")],
    ids=["nobody knows when", "at a time"],
)
def test_it_says_when_it_goes_on(next_try: datetime | None, told: str) -> None:
    assert told in delay_word("alice", "main", [delayed("cells", next_try=next_try)]).text


def test_what_a_name_hides_stays_text() -> None:
    word = delay_word("alice", "main", [delayed("<b>x</b>\n.tif")])

    assert "<b>" not in word.html
    assert "\n" not in word.subject
