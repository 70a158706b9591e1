"""Sweeps kept in memory, as the workflow engine keeps them: the other part of `RunsInMemory`."""

import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.runs import ImportState, RunUnknown
from api.sweep_runs import ImportCounts, Sweep, SweepRun, SweepState, SweepUnknown
from flows.core.sweep.report import SweepRow, SweepTotals
from flows.core.sweep.verdicts import Verdict

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
AT_WORK = {ImportState.RUNNING}
FAILED = {ImportState.FAILED, ImportState.PARTLY_FAILED, ImportState.LOGIN_NEEDED}


class SweepsInMemory:
    """Keeps sweeps, their runs and what these leave; counts imports and messages."""

    def __init__(self) -> None:
        self.deployed: dict[str, Sweep] = {}
        self.swept: dict[UUID, tuple[str, SweepRun]] = {}
        self.reports: dict[UUID, tuple[SweepTotals, tuple[SweepRow, ...]]] = {}
        self.servers_away: set[str] = set()
        self.round: datetime | None = None
        self.asked = 0
        """How often the sweeps were asked for."""

    async def sweeps(self) -> list[Sweep]:
        await self.ping()
        self.asked += 1
        return [await self.sweep(name) for name in sorted(self.deployed)]

    async def sweep(self, name: str) -> Sweep:
        await self.ping()
        if name not in self.deployed:
            raise SweepUnknown
        runs = [run for sweep, run in self.swept.values() if sweep == name and not run.dry_run]
        began = sorted(
            (run for run in runs if run.state not in {SweepState.SCHEDULED, SweepState.OVERLAPPED, SweepState.PUT_OFF}),
            key=lambda run: run.due,
            reverse=True,
        )
        well = [run for run in began if run.state is SweepState.COMPLETED]
        over = [run for run in began if run.state is SweepState.COMPLETED or run.state.went_wrong]
        found = {"latest": began, "ended": over, "succeeded": well}
        return self.deployed[name].model_copy(update={field: next(iter(each), None) for field, each in found.items()})

    async def begin_sweep(self, sweep: Sweep, who: str, *, dry_run: bool) -> SweepRun:
        run = SweepRun(
            id=uuid.uuid4(),
            dry_run=dry_run,
            state=SweepState.SCHEDULED,
            message=f"Asked for by {who}.",
            due=datetime.now(UTC),
        )
        self.swept[run.id] = (sweep.name, run)
        return run

    async def sweep_run(self, sweep: Sweep, run_id: UUID) -> SweepRun:
        name, run = self.swept.get(run_id, ("", None))
        if run is None or name != sweep.name:
            raise RunUnknown
        return run

    async def latest_totals(self, names: Collection[str]) -> dict[str, SweepTotals]:
        in_order = sorted((totals for totals, _ in self.reports.values()), key=lambda totals: totals.started)
        return {totals.sweep: totals for totals in in_order if totals.sweep in names and not totals.dry_run}

    async def totals_of(self, sweep: str, run: SweepRun) -> SweepTotals | None:
        return self.reports[run.id][0] if run.id in self.reports else None

    async def rows_of(self, sweep: str, run_id: UUID, *, dry_run: bool) -> tuple[SweepRow, ...]:
        return self.reports[run_id][1] if run_id in self.reports else ()

    async def import_counts(self, server: str) -> ImportCounts:
        await self.ping()
        states = [run.state for run in self.kept.values() if run.server == server]
        return ImportCounts(
            waiting=sum(state.waits for state in states),
            running=sum(state in AT_WORK for state in states),
            failed=sum(state in FAILED for state in states),
        )

    async def messages_unsent(self) -> int:
        return len(self.messages)

    async def last_round(self) -> datetime | None:
        return self.round

    async def omero_away(self, server: str) -> bool:
        return server in self.servers_away

    def is_deployed(self, name: str, **changes: Any) -> Sweep:
        """Let there be a sweep."""
        values = {
            "id": uuid.uuid4(),
            "name": name,
            "server": "main",
            "description": "Has what is new and settled there imported.",
            "active": True,
            "every_seconds": 300.0,
            "next_run": NOON + timedelta(minutes=5),
        }
        self.deployed[name] = Sweep(**{**values, **changes})
        return self.deployed[name]

    def was_swept(
        self,
        name: str,
        *rows: SweepRow,
        at: datetime = NOON,
        state: SweepState = SweepState.COMPLETED,
        dry_run: bool = False,
        **totals: Any,
    ) -> SweepRun:
        """Let a folder have been swept, with this outcome."""
        end = at + timedelta(seconds=90)
        run = SweepRun(
            id=uuid.uuid4(), dry_run=dry_run, state=state, message="It was swept.", due=at, started=at, ended=end
        )
        self.swept[run.id] = (name, run)
        known = {
            "sweep": name,
            "server": self.deployed[name].server,
            "run_id": str(run.id),
            "dry_run": dry_run,
            "started": at,
            "seconds": 90,
            "verdicts": _counted(rows),
        }
        self.reports[run.id] = (SweepTotals(**{**known, **totals}), rows)
        return run


def _counted(rows: Iterable[SweepRow]) -> dict[Verdict, int]:
    verdicts = [row.verdict for row in rows]
    return {verdict: verdicts.count(verdict) for verdict in verdicts}


def row(path: str, verdict: Verdict = Verdict.NEW, **changes: Any) -> SweepRow:
    """A line of a table."""
    return SweepRow(**{"verdict": verdict, "path": path, "reason": "It is so.", "code": "so", **changes})
