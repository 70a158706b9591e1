"""Rounds of housekeeping as they are made, by a worker, on a schedule: what dies is seen to without anybody's help."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Scheduled

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_ome_tiff, make_small_ome_tiff
from deployments.sandbox.understudy.control import Control
from flows.core import names
from flows.upkeep.runs import find, in_state
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def prefect(sandbox: Running) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: f"{sandbox.prefect}/api"}), get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def faults(sandbox: Running) -> Iterator[Control]:
    control = Control(sandbox.omero_control)
    yield control
    control.clear()


def test_a_process_that_is_killed_costs_an_attempt_and_nothing_else(
    alice: Courier, prefect: SyncPrefectClient, faults: Control
) -> None:
    folder = alice.folder()
    make_ome_tiff(folder / "cells.ome.tiff", t=12)
    faults.latency(write=0.5)
    number = alice.asks(folder)
    eventually(lambda: alice.status(number)["stages"].get("upload"), "an upload under way")
    process = str(prefect.read_flow_run(UUID(number)).infrastructure_pid).rpartition(":")[2]

    os.kill(int(process), signal.SIGKILL)
    faults.clear()

    assert alice.outcome(number)["state"] == "completed"
    names_of_states = [state.name for state in prefect.read_flow_run_states(UUID(number))]
    assert names.REVIVED in names_of_states


def test_an_import_that_is_cancelled_in_the_ui_while_it_waits_is_over_at_once_and_told(
    alice: Courier, prefect: SyncPrefectClient
) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")
    deployment = prefect.read_deployment_by_name(f"{names.IMPORT_FLOW}/sandbox")
    waiting = prefect.create_flow_run_from_deployment(
        deployment.id,
        parameters={"request": {"sources": [str(folder)], "on_behalf_of": "alice"}},
        state=Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1)),
    )

    prefect.set_flow_run_state(waiting.id, Cancelling(), force=True)

    eventually(lambda: prefect.read_flow_run(waiting.id).state_name == "Cancelled", "the end of the import")
    (letter,) = eventually(lambda: alice.mails(str(waiting.id)), "a word about it")
    assert letter["To"] == "alice@sandbox.example"


def test_all_duties_of_a_round_are_done(prefect: SyncPrefectClient) -> None:
    began = datetime.now(UTC)

    def a_round() -> str | None:
        ended = FlowRunFilter(state=in_state([StateType.COMPLETED, StateType.FAILED]))
        for run in find(prefect, [names.HOUSEKEEPING_FLOW], ended):
            if run.start_time is not None and run.start_time > began:
                return f"{run.state_name}: {run.state.message}"
        return None

    assert eventually(a_round, "a round of housekeeping").startswith("Completed")
