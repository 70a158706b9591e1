"""Tells sweeps to who may know of them: what the engine and the definition say in, answers out; asks nobody."""

from collections.abc import Iterable

from api.sweep_models import (
    SweepLinks,
    SweepRunAnswer,
    SweepRunLinks,
    SweepRunReport,
    SweepSchedule,
    SweepSummary,
    Why,
)
from api.sweep_runs import Sweep, SweepRun
from flows.core.disk import as_shown
from flows.core.errors import CourierError
from flows.core.settings import Settings
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.report import SweepRow, SweepTotals
from flows.core.sweep.verdicts import Decision


def summary(
    sweep: Sweep, definition: SweepDefinition | CourierError, totals: SweepTotals | None, settings: Settings
) -> SweepSummary:
    """Tell a sweep in short; the definition may be why there is none."""
    known = definition if isinstance(definition, SweepDefinition) else None
    return SweepSummary(
        name=sweep.name,
        server=sweep.server,
        root=str(known.root) if known else None,
        description=(known.description if known else "") or sweep.description,
        active=sweep.active,
        schedule=_schedule(sweep),
        next_run=sweep.next_run,
        latest_run=run_answer(sweep, sweep.latest, settings) if sweep.latest is not None else None,
        totals=totals,
        problem=None if known else str(definition),
        links=_links(sweep, settings),
    )


def run_answer(sweep: Sweep, run: SweepRun, settings: Settings) -> SweepRunAnswer:
    """Tell a run in short."""
    return SweepRunAnswer(
        id=run.id,
        dry_run=run.dry_run,
        state=run.state,
        due=run.due,
        started=run.started,
        ended=run.ended,
        reason=run.message or None,
        links=SweepRunLinks(status=f"/v1/sweeps/{sweep.name}/runs/{run.id}", ui=settings.console.run(run.id)),
    )


def run_report(
    sweep: Sweep, run: SweepRun, totals: SweepTotals | None, rows: Iterable[SweepRow], settings: Settings
) -> SweepRunReport:
    """Tell a run with what was decided."""
    return SweepRunReport(**dict(run_answer(sweep, run, settings)), totals=totals, rows=list(rows))


def why(sweep: Sweep, decision: Decision) -> Why:
    """Tell a decision."""
    whose, fileset = decision.assignment, decision.fileset
    return Why(
        sweep=sweep.name,
        path=as_shown(decision.path),
        verdict=decision.verdict,
        code=decision.code,
        reason=as_shown(decision.reason),
        user=whose.user if whose is not None else None,
        group=whose.group if whose is not None else None,
        target=whose.target if whose is not None else None,
        files=[as_shown(file.client_path) for file in fileset.files] if fileset is not None else [],
        import_id=decision.run_id,
    )


def _schedule(sweep: Sweep) -> SweepSchedule | None:
    if sweep.every_seconds is None and sweep.cron is None:
        return None
    every = sweep.every_seconds / 60 if sweep.every_seconds is not None else None
    return SweepSchedule(every_minutes=every, cron=sweep.cron, timezone=sweep.timezone)


def _links(sweep: Sweep, settings: Settings) -> SweepLinks:
    here = f"/v1/sweeps/{sweep.name}"
    return SweepLinks(
        status=here,
        runs=f"{here}/runs",
        why=f"{here}/why",
        release=f"{here}/release",
        ui=settings.console.deployment(sweep.id),
    )
