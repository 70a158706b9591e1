"""What a sweep leaves for people and machines to look at: a table and totals, as values."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from flows.core.requests import Frozen
from flows.core.sweep.verdicts import Decision, Verdict

ROWS = 1000
"""Rows of the table: it goes to Prefect whole."""
ORDER = (
    Verdict.QUARANTINED,
    Verdict.FAILED,
    Verdict.NEW,
    Verdict.SUBMITTED,
    Verdict.WAITING,
    Verdict.SETTLING,
    Verdict.IMPORTED,
    Verdict.SKIPPED,
)
"""What somebody has to do something about comes first."""


class SweepRow(Frozen):
    """One fileset in the table of a sweep: fields in the order of the columns."""

    verdict: Verdict
    path: str
    reason: str
    user: str | None = None
    target: str | None = None
    files: int = 0
    size: int = 0
    """Bytes."""
    import_id: str | None = None
    code: str

    @classmethod
    def of(cls, decision: Decision) -> "SweepRow":
        """Show a decision."""
        fileset, whose = decision.fileset, decision.assignment
        return cls(
            verdict=decision.verdict,
            path=decision.path,
            reason=decision.reason,
            user=whose.user if whose else None,
            target=whose.target if whose else None,
            files=len(fileset.files) if fileset else 0,
            size=fileset.size if fileset else 0,
            import_id=decision.run_id,
            code=decision.code,
        )


class SweepTotals(Frozen):
    """What a sweep found, counted."""

    sweep: str
    server: str
    run_id: str
    dry_run: bool
    started: datetime
    seconds: float
    folders: int = 0
    files: int = 0
    verdicts: dict[Verdict, int] = Field(default_factory=dict)
    """Filesets by what was decided about them."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """Files and folders that were passed over, by the code of the reason."""
    imports: int = 0
    """Imports that were asked for."""
    handed_over: int = 0
    """Filesets in them."""
    put_away: int = 0
    """Filesets that were moved or deleted afterwards."""
    rows_left_out: int = 0
    """Decisions for which the table has no room."""
    problem: str = ""
    """Why the sweep stopped; nothing where it came to its end."""


def rows(decisions: Iterable[Decision]) -> tuple[SweepRow, ...]:
    """Return the table, what somebody has to do something about first."""
    place = {verdict: number for number, verdict in enumerate(ORDER)}
    found = sorted(decisions, key=lambda each: (place[each.verdict], each.path))
    return tuple(SweepRow.of(each) for each in found[:ROWS])


def in_words(totals: SweepTotals) -> str:
    """Say in one line what a sweep came to: `12 new, 3 settling, 1 quarantined of 4 210 filesets`."""
    if totals.problem:
        return totals.problem
    counts = Counter(totals.verdicts)
    parts = [f"{counts[each]:,} {each}" for each in ORDER if each is not Verdict.SKIPPED and counts[each]]
    what = ", ".join(parts) if parts else "nothing new"
    return f"{'Dry run: ' if totals.dry_run else ''}{what}; {totals.files:,} files in {totals.folders:,} folders"
