"""What a sweep leaves to look at."""

from datetime import UTC, datetime

from flows.core.sweep.report import ROWS, SweepTotals, in_words, rows
from flows.core.sweep.verdicts import Decision, Verdict

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def decided(path: str, verdict: Verdict) -> Decision:
    return Decision(path=path, verdict=verdict, reason="So.", code="so")


def totals(**more: object) -> SweepTotals:
    known = {"sweep": "confocal", "server": "main", "run_id": "1", "dry_run": False, "started": NOW, "seconds": 2}
    return SweepTotals.model_validate(known | more)


def test_what_somebody_has_to_do_something_about_comes_first() -> None:
    found = rows([decided("/a", Verdict.IMPORTED), decided("/c", Verdict.FAILED), decided("/b", Verdict.QUARANTINED)])

    assert [each.path for each in found] == ["/b", "/c", "/a"]


def test_the_table_has_no_more_rows_than_prefect_should_keep() -> None:
    assert len(rows(decided(f"/{number}", Verdict.SETTLING) for number in range(ROWS + 5))) == ROWS


def test_a_sweep_is_told_in_one_line() -> None:
    counted = totals(verdicts={Verdict.IMPORTED: 1200, Verdict.NEW: 3, Verdict.SKIPPED: 7}, files=1210, folders=4)

    assert in_words(counted) == "3 new, 1,200 imported; 1,210 files in 4 folders"


def test_a_dry_run_is_told_as_one() -> None:
    assert in_words(totals(dry_run=True)) == "Dry run: nothing new; 0 files in 0 folders"


def test_a_sweep_that_stopped_says_why() -> None:
    assert in_words(totals(problem="The share is away.")) == "The share is away."
