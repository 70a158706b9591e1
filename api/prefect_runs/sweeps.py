"""Sweeps in Prefect: their deployments, their runs, and the artifacts that these leave."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import ArtifactCollection, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import ArtifactSort, DeploymentSort, FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled
from pydantic import TypeAdapter

from api.prefect_runs.connection import Connection
from api.runs import RunUnknown
from api.sweep_runs import Sweep, SweepRun, SweepState, SweepUnknown
from flows.core.names import FOLDER_AWAY, PUT_OFF, SWEEP_FLOW, UNDER_WAY, sweep_table, sweep_totals
from flows.core.sweep.report import SweepRow, SweepTotals

PAGE = 200
RUNS_READ = 10
"""Of each sweep: dry runs are among them, which Prefect cannot tell from others."""
AT_A_TIME = 8
"""Sweeps that Prefect is asked about side by side."""
_SERVER = "server:"
_STATES = {
    StateType.SCHEDULED: SweepState.SCHEDULED,
    StateType.PENDING: SweepState.SCHEDULED,
    StateType.RUNNING: SweepState.RUNNING,
    StateType.PAUSED: SweepState.RUNNING,
    StateType.CANCELLING: SweepState.RUNNING,
    StateType.COMPLETED: SweepState.COMPLETED,
    StateType.FAILED: SweepState.FAILED,
    StateType.CRASHED: SweepState.FAILED,
    StateType.CANCELLED: SweepState.CANCELLED,
}
_NAMED = {
    FOLDER_AWAY: SweepState.FOLDER_AWAY,
    PUT_OFF: SweepState.PUT_OFF,
    UNDER_WAY: SweepState.OVERLAPPED,
}
_BEGAN = tuple(each for each in _STATES if each not in (StateType.SCHEDULED, StateType.PENDING))
_SWEEPS = where.FlowFilter(name=where.FlowFilterName(any_=[SWEEP_FLOW]))
_ROWS = TypeAdapter(tuple[SweepRow, ...])
_TOTALS = TypeAdapter(tuple[SweepTotals, ...])


class Sweeps(Connection):
    """Looks at sweeps, and has folders swept."""

    async def sweeps(self) -> list[Sweep]:
        """Return all, by name."""
        found: list[DeploymentResponse] = []
        async with self._asking():
            while page := await self._client.read_deployments(
                flow_filter=_SWEEPS, sort=DeploymentSort.NAME_ASC, limit=PAGE, offset=len(found)
            ):
                found += page
        few = asyncio.Semaphore(AT_A_TIME)

        async def told(deployment: DeploymentResponse) -> Sweep:
            async with few:
                return await self._told(deployment)

        return list(await asyncio.gather(*map(told, found)))

    async def sweep(self, name: str) -> Sweep:
        """Return one, or raise `SweepUnknown`."""
        named = where.DeploymentFilter(name=where.DeploymentFilterName(any_=[name]))
        async with self._asking():
            found = await self._client.read_deployments(flow_filter=_SWEEPS, deployment_filter=named, limit=1)
        if not found:
            raise SweepUnknown
        return await self._told(found[0])

    async def _told(self, deployment: DeploymentResponse) -> Sweep:
        runs = await self._real_runs(deployment.id, _BEGAN)
        succeeded = next((each for each in runs if each.state is SweepState.COMPLETED), None)
        if succeeded is None:
            succeeded = next(iter(await self._real_runs(deployment.id, [StateType.COMPLETED])), None)
        over = (each for each in runs if each.state is SweepState.COMPLETED or each.state.went_wrong)
        schedule = deployment.schedules[0].schedule if deployment.schedules else None
        return Sweep(
            id=deployment.id,
            name=deployment.name,
            server=next((tag.removeprefix(_SERVER) for tag in deployment.tags if tag.startswith(_SERVER)), ""),
            description=deployment.description or "",
            active=not deployment.paused and any(each.active for each in deployment.schedules),
            every_seconds=schedule.interval.total_seconds() if isinstance(schedule, IntervalSchedule) else None,
            cron=schedule.cron if isinstance(schedule, CronSchedule) else None,
            timezone=schedule.timezone if isinstance(schedule, CronSchedule) else None,
            next_run=await self._next(deployment.id),
            latest=runs[0] if runs else None,
            ended=next(over, None),
            succeeded=succeeded,
        )

    async def _real_runs(self, deployment: UUID, types: Sequence[StateType]) -> list[SweepRun]:
        """Return those in a state of these types, the latest first; no dry runs, and none that did nothing."""
        async with self._asking():
            found = await self._client.read_flow_runs(
                deployment_filter=_is(deployment),
                flow_run_filter=where.FlowRunFilter(state=_in(types, but=[PUT_OFF, UNDER_WAY])),
                sort=FlowRunSort.START_TIME_DESC,
                limit=RUNS_READ,
            )
        return [run for run in map(_run, found) if not run.dry_run]

    async def _next(self, deployment: UUID) -> datetime | None:
        async with self._asking():
            found = await self._client.read_flow_runs(
                deployment_filter=_is(deployment),
                flow_run_filter=where.FlowRunFilter(state=_in([StateType.SCHEDULED])),
                sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
                limit=1,
            )
        return found[0].next_scheduled_start_time if found else None

    async def begin_sweep(self, sweep: Sweep, who: str, *, dry_run: bool) -> SweepRun:
        """Have the folder swept now."""
        async with self._asking():
            made = await self._client.create_flow_run_from_deployment(
                sweep.id,
                name=f"sweep {sweep.name}{' (dry run)' if dry_run else ''}",
                parameters={"sweep": sweep.name, "dry_run": dry_run},
                state=Scheduled(scheduled_time=datetime.now(UTC), message=f"Asked for by {who}."),
            )
        return _run(made)

    async def sweep_run(self, sweep: Sweep, run_id: UUID) -> SweepRun:
        """Return one run of a sweep, or raise `RunUnknown`."""
        try:
            async with self._asking():
                found = await self._client.read_flow_run(run_id)
        except ObjectNotFound as missing:
            raise RunUnknown from missing
        if found.deployment_id != sweep.id:
            raise RunUnknown
        return _run(found)

    async def latest_totals(self, names: Collection[str]) -> dict[str, SweepTotals]:
        """Return what the latest runs that left a report came to, by sweep; no dry runs."""
        by_key = {sweep_totals(name): name for name in names}
        keys = where.ArtifactCollectionFilterKey(any_=list(by_key))
        found: list[ArtifactCollection] = []
        async with self._asking():
            while by_key and (
                page := await self._client.read_latest_artifacts(
                    artifact_filter=where.ArtifactCollectionFilter(key=keys), limit=PAGE, offset=len(found)
                )
            ):
                found += page
        totals = {by_key[str(each.key)]: _only(_TOTALS.validate_python(each.data)) for each in found}
        # A sweep whose name is that of another with `-dry-run` behind it shares the names of that one's dry runs.
        return {name: each for name, each in totals.items() if each and (each.sweep, each.dry_run) == (name, False)}

    async def totals_of(self, sweep: str, run: SweepRun) -> SweepTotals | None:
        """Return what one run came to; None where it left no report."""
        data = await self._artifact(run.id, sweep_totals(sweep, dry_run=run.dry_run))
        return _only(_TOTALS.validate_python(data))

    async def rows_of(self, sweep: str, run_id: UUID, *, dry_run: bool) -> tuple[SweepRow, ...]:
        """Return the table of one run; none where it left no report."""
        return _ROWS.validate_python(await self._artifact(run_id, sweep_table(sweep, dry_run=dry_run)))

    async def _artifact(self, run_id: UUID, key: str) -> object:
        async with self._asking():
            found = await self._client.read_artifacts(
                artifact_filter=where.ArtifactFilter(
                    key=where.ArtifactFilterKey(any_=[key]),
                    flow_run_id=where.ArtifactFilterFlowRunId(any_=[run_id]),
                ),
                sort=ArtifactSort.UPDATED_DESC,
                limit=1,
            )
        return found[0].data if found else ()


def _is(deployment: UUID) -> where.DeploymentFilter:
    return where.DeploymentFilter(id=where.DeploymentFilterId(any_=[deployment]))


def _in(types: Sequence[StateType], but: list[str] | None = None) -> where.FlowRunFilterState:
    return where.FlowRunFilterState(
        type=where.FlowRunFilterStateType(any_=list(types)), name=where.FlowRunFilterStateName(not_any_=but)
    )


def _only(totals: tuple[SweepTotals, ...]) -> SweepTotals | None:
    return totals[0] if totals else None


def _run(run: FlowRun) -> SweepRun:
    if run.state is None:
        raise RunUnknown
    return SweepRun(
        id=run.id,
        dry_run=bool(run.parameters.get("dry_run")),
        state=_NAMED.get(run.state.name or "", _STATES[run.state.type]),
        message=run.state.message or "",
        due=run.expected_start_time or run.created or run.state.timestamp,
        started=run.start_time,
        ended=run.end_time,
    )
