"""What the API asks of Prefect about sweeps: their schedules, which run counts as the latest, what it left."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, DeploymentScheduleCreate, VariableCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.states import Cancelled, Completed, Crashed, Failed, Running, Scheduled

from api.runs import RunUnknown
from api.sweep_runs import ImportCounts, SweepState, SweepUnknown
from flows.core.names import FOLDER_AWAY, SWEEP_FLOW, UNDER_WAY, outage_name, sweep_table, sweep_totals
from flows.core.sweep.report import SweepTotals
from tests.support.api import new_run
from tests.support.sweep_runs import row

pytestmark = pytest.mark.anyio


@flow(name=SWEEP_FLOW)
def a_sweep(sweep: str, dry_run: bool = False) -> None:
    """Stand for the real one, which the deployments of these tests never run."""


class Deployed:
    """A sweep of a test's own in Prefect."""

    def __init__(self, client) -> None:
        self.client, self.name, self.deployment = client, f"test-{uuid.uuid4().hex[:8]}", None

    async def with_schedule(self, schedule=None, *, active=True) -> None:
        schedules = [DeploymentScheduleCreate(schedule=schedule, active=active)] if schedule else []
        self.deployment = await self.client.create_deployment(
            flow_id=await self.client.create_flow(a_sweep),
            name=self.name,
            description="A test's own.",
            tags=["server:main"],
            schedules=schedules,
        )

    async def run(self, state, *, dry_run=False):
        """Let a run be in a state."""
        made = await self.client.create_flow_run_from_deployment(
            self.deployment, parameters={"sweep": self.name, "dry_run": dry_run}
        )
        await self.client.set_flow_run_state(made.id, Running(), force=True)
        await self.client.set_flow_run_state(made.id, state, force=True)
        return made.id

    async def leaves(self, run_id, *rows, dry_run=False) -> SweepTotals:
        """Let a run leave its report."""
        totals = SweepTotals(
            sweep=self.name, server="main", run_id=str(run_id), dry_run=dry_run, started=datetime.now(UTC), seconds=1
        )
        table = [each.model_dump(mode="json") for each in rows]
        left = {
            sweep_table(self.name, dry_run=dry_run): table,
            sweep_totals(self.name, dry_run=dry_run): [totals.model_dump(mode="json")],
        }
        for key, data in left.items():
            await self.client.create_artifact(ArtifactCreate(key=key, type="table", data=data, flow_run_id=run_id))
        return totals


@pytest.fixture
async def deployed(engine, anyio_backend):
    async with get_client() as client:
        sweep = Deployed(client)
        await sweep.with_schedule()
        yield sweep
        await client.delete_deployment(sweep.deployment)


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        pytest.param(IntervalSchedule(interval=timedelta(minutes=5)), (300, None, None), id="interval"),
        pytest.param(
            CronSchedule(cron="*/10 * * * *", timezone="Europe/London"),
            (None, "*/10 * * * *", "Europe/London"),
            id="cron",
        ),
    ],
)
@pytest.mark.parametrize("active", [True, False])
async def test_a_sweep_is_told_with_its_schedule(prefect, deployed, schedule, told, active) -> None:
    await deployed.with_schedule(schedule, active=active)
    sweep = await prefect.sweep(deployed.name)

    assert (sweep.name, sweep.server, sweep.description) == (deployed.name, "main", "A test's own.")
    assert (sweep.every_seconds, sweep.cron, sweep.timezone) == told
    assert sweep.active is active
    assert sweep in await prefect.sweeps()


async def test_a_sweep_that_is_not_deployed_is_unknown(prefect) -> None:
    with pytest.raises(SweepUnknown):
        await prefect.sweep("nothing")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        pytest.param(Completed(), SweepState.COMPLETED, id="completed"),
        pytest.param(Completed(name=UNDER_WAY), SweepState.OVERLAPPED, id="another was under way"),
        pytest.param(Failed(name=FOLDER_AWAY), SweepState.FOLDER_AWAY, id="folder away"),
        pytest.param(Failed(), SweepState.FAILED, id="failed"),
        pytest.param(Crashed(), SweepState.FAILED, id="its process was lost"),
        pytest.param(Cancelled(), SweepState.CANCELLED, id="cancelled"),
        pytest.param(Running(), SweepState.RUNNING, id="running"),
        pytest.param(Scheduled(), SweepState.SCHEDULED, id="scheduled"),
    ],
)
async def test_each_state_of_prefect_is_told_in_our_words(prefect, deployed, state, told) -> None:
    run_id = await deployed.run(state)

    assert (await prefect.sweep_run(await prefect.sweep(deployed.name), run_id)).state is told


async def test_dry_runs_and_runs_that_did_nothing_do_not_count_as_the_latest(prefect, deployed) -> None:
    well = await deployed.run(Completed())
    away = await deployed.run(Failed(name=FOLDER_AWAY))
    latest = await deployed.run(Running())
    await deployed.run(Completed(), dry_run=True)
    for _ in range(12):
        await deployed.run(Completed(name=UNDER_WAY))
    sweep = await prefect.sweep(deployed.name)

    assert [each.id for each in (sweep.latest, sweep.ended, sweep.succeeded)] == [latest, away, well]


async def test_the_last_success_is_found_behind_many_failures(prefect, deployed) -> None:
    well = await deployed.run(Completed())
    for _ in range(12):
        await deployed.run(Failed())

    assert (await prefect.sweep(deployed.name)).succeeded.id == well


async def test_a_sweep_is_begun_and_is_the_next_one(prefect, deployed) -> None:
    sweep = await prefect.sweep(deployed.name)
    run = await prefect.begin_sweep(sweep, "root", dry_run=True)

    assert await prefect.sweep_run(sweep, run.id) == run
    assert (run.dry_run, run.state, run.message) == (True, SweepState.SCHEDULED, "Asked for by root.")
    assert (await prefect.sweep(deployed.name)).next_run is not None


async def test_what_is_no_run_of_the_sweep_is_unknown(prefect, deployed) -> None:
    sweep, other = await prefect.sweep(deployed.name), await prefect.create(new_run())

    for each in (other.id, uuid.uuid4()):
        with pytest.raises(RunUnknown):
            await prefect.sweep_run(sweep, each)


async def test_the_report_of_each_run_is_found_and_the_latest_is_no_dry_run(prefect, deployed) -> None:
    first, second, dry = [await deployed.run(Completed(), dry_run=each) for each in (False, False, True)]
    for each in (first, second):
        totals = await deployed.leaves(each, row(f"/{each}.tif"))
    dry_totals = await deployed.leaves(dry, row("/dry.tif"), dry_run=True)
    sweep = await prefect.sweep(deployed.name)

    assert await prefect.latest_totals([deployed.name, "nothing"]) == {deployed.name: totals}
    assert await prefect.rows_of(deployed.name, first, dry_run=False) == (row(f"/{first}.tif"),)
    assert await prefect.rows_of(deployed.name, dry, dry_run=True) == (row("/dry.tif"),)
    assert await prefect.totals_of(deployed.name, await prefect.sweep_run(sweep, dry)) == dry_totals


async def test_the_dry_run_of_one_sweep_is_no_sweep_of_another_whose_name_it_bears(prefect, deployed) -> None:
    await deployed.leaves(await deployed.run(Completed(), dry_run=True), dry_run=True)

    assert await prefect.latest_totals([f"{deployed.name}-dry-run"]) == {}


async def test_a_run_without_a_report_has_none(prefect, deployed) -> None:
    run = await prefect.sweep_run(await prefect.sweep(deployed.name), await deployed.run(Crashed()))

    assert await prefect.totals_of(deployed.name, run) is None
    assert await prefect.rows_of(deployed.name, run.id, dry_run=False) == ()


async def test_imports_are_counted_by_what_they_do(prefect) -> None:
    before = await prefect.import_counts("main")
    async with get_client() as client:
        for state in (Scheduled(), Running(), Failed(), Completed()):
            made = await prefect.create(new_run())
            await client.set_flow_run_state(made.id, state, force=True)
    after = await prefect.import_counts("main")

    more = {name: getattr(after, name) - getattr(before, name) for name in ImportCounts.model_fields}
    assert more == {"waiting": 1, "running": 1, "failed": 1}


async def test_an_omero_is_away_while_that_is_noted(prefect) -> None:
    before = await prefect.omero_away("main")
    async with get_client() as client:
        await client.create_variable(VariableCreate(name=outage_name("main"), value={"since": "now"}))
        noted = await prefect.omero_away("main")
        await client.delete_variable_by_name(outage_name("main"))

    assert (before, noted) == (False, True)
