"""Rounds of housekeeping as they are made, by a worker, on a schedule: what dies is seen to without anybody's help."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Scheduled

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core import names
from flows.upkeep.runs import find, in_state
from tests.support.courier import Courier, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def prefect(sandbox: Running) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: f"{sandbox.prefect}/api"}), get_client(sync_client=True) as client:
        yield client


def make_a_round(prefect: SyncPrefectClient) -> FlowRun:
    """Let the worker do now what it does on a schedule; return the run when it has ended."""
    housekeeping = prefect.read_deployment_by_name(f"{names.HOUSEKEEPING_FLOW}/{names.COURIER_POOL}")
    run = prefect.create_flow_run_from_deployment(housekeeping.id)
    return eventually(lambda: ended(prefect.read_flow_run(run.id)), "the end of a round of housekeeping")


def to(courier: Courier, number: str) -> EmailMessage | None:
    """The first mail to this user about an import; administrators have theirs."""
    letters = courier.mails(number)
    return next((each for each in letters if each["To"] == f"{courier.user}@sandbox.example"), None)


def ended(run: FlowRun) -> FlowRun | None:
    return run if run.state is not None and run.state.is_final() else None


@pytest.mark.thorough
def test_an_import_that_is_left_cancelling_is_over_with_the_next_round_and_its_user_told(
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
    make_a_round(prefect)

    eventually(lambda: prefect.read_flow_run(waiting.id).state_name == "Cancelled", "the end of the import")
    (letter,) = eventually(lambda: alice.mails(str(waiting.id)), "a word about it")
    assert letter["To"] == "alice@sandbox.example"


def test_who_asked_in_the_console_for_a_file_that_is_not_there_is_told(
    alice: Courier, prefect: SyncPrefectClient
) -> None:
    deployment = prefect.read_deployment_by_name(f"{names.IMPORT_FLOW}/sandbox")
    missing = str(alice.folder() / "missing.ome.tiff")
    run = prefect.create_flow_run_from_deployment(
        deployment.id, parameters={"request": {"sources": [missing], "on_behalf_of": "alice"}}
    )

    letter = eventually(lambda: to(alice, str(run.id)), "a word about it")
    assert "missing.ome.tiff" in str(letter.get_body(("plain",)))


def test_all_duties_of_a_round_are_done(prefect: SyncPrefectClient) -> None:
    run = make_a_round(prefect)

    assert run.state is not None
    assert run.state.is_completed(), run.state.message


def test_rounds_are_made_without_being_asked_for(prefect: SyncPrefectClient) -> None:
    scheduled = FlowRunFilter(state=in_state([StateType.COMPLETED]))

    def a_round() -> bool:
        return any(run.auto_scheduled for run in find(prefect, [names.HOUSEKEEPING_FLOW], scheduled))

    eventually(a_round, "a round of housekeeping")
