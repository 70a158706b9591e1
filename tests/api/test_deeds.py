"""Runs that are stopped, begun again and forgotten, in the workflow engine and in the one in memory."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters as where
from prefect.client.schemas.actions import ArtifactCreate
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Running, Scheduled

from api.runs import ImportState, Message, Retry, RunOver, RunUnderWay, RunUnknown
from flows.core.names import HELD, INTERIM_TOLD, MESSAGE_FLOW, REPLAY_ALL, REVIVED, TOLD, UNTIDY, about_tag
from flows.core.seal import carried_session_name
from tests.support.api import new_run

pytestmark = pytest.mark.anyio


async def in_state(prefect, state, **changes):
    """A run that Prefect has in this state."""
    made = await prefect.create(new_run(**changes))
    async with get_client() as client:
        await client.set_flow_run_state(made.id, state, force=True)
    return await prefect.read(made.id)


async def last_state(run):
    async with get_client() as client:
        return (await client.read_flow_run(run.id)).state


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(Failed(), id="failed"),
        pytest.param(Failed(name="PartlyFailed"), id="partly failed"),
        pytest.param(Failed(name="LoginNeeded"), id="its session has ended"),
        pytest.param(Completed(), id="completed"),
    ],
)
async def test_a_run_that_is_over_begins_again_as_the_button_of_the_ui_lets_it(prefect, state) -> None:
    run = await in_state(prefect, state)
    again = await prefect.retry(run, "alice", Retry.ALL, False)

    now = await last_state(run)
    assert (now.name, now.message) == ("AwaitingRetry", "Retried by alice.")
    assert again.state is ImportState.WAITING_TO_RETRY
    assert datetime.now(UTC) - again.next_start < timedelta(minutes=1)


@pytest.mark.parametrize(("what", "left"), [(Retry.FAILED, set()), (Retry.ALL, {REPLAY_ALL})])
async def test_a_retry_makes_room_for_what_will_be_told(prefect, what, left) -> None:
    run = await in_state(prefect, Failed(), tags=frozenset({TOLD, INTERIM_TOLD, REPLAY_ALL}))
    again = await prefect.retry(run, "alice", what, False)

    assert again.tags == (run.tags - {TOLD, INTERIM_TOLD, REPLAY_ALL}) | left


async def test_a_retry_may_have_to_wait_until_an_earlier_import_has_ended(prefect) -> None:
    run = await in_state(prefect, Failed())
    again = await prefect.retry(run, "bob", Retry.FAILED, True)

    assert (again.state, again.held, again.next_start) == (ImportState.SCHEDULED, True, None)
    assert (await last_state(run)).name == HELD
    assert again.message == f"Retried by bob. Waits until an earlier import of {run.user} has ended."


async def test_what_is_not_over_cannot_be_retried_or_forgotten(runs) -> None:
    made = await runs.create(new_run())

    with pytest.raises(RunUnderWay):
        await runs.retry(made, "alice", Retry.FAILED, False)
    with pytest.raises(RunUnderWay):
        await runs.forget(made)


async def test_a_run_is_forgotten_with_all_that_it_left(prefect) -> None:
    run = await in_state(prefect, Failed())
    await prefect.carry(run.key, "sealed")
    async with get_client() as client:
        for key in ("filesets", "report"):
            await client.create_artifact(ArtifactCreate(flow_run_id=run.id, key=key, type="markdown", data="x"))
        await prefect.forget(run)

        its = where.ArtifactFilter(flow_run_id=where.ArtifactFilterFlowRunId(any_=[run.id]))
        assert await client.read_artifacts(artifact_filter=its) == []
    with pytest.raises(RunUnknown):
        await prefect.read(run.id)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(Scheduled(name=HELD), id="held"),
        pytest.param(AwaitingRetry(scheduled_time=datetime.now(UTC) + timedelta(days=1)), id="waits to be tried again"),
        pytest.param(Scheduled(name=REVIVED), id="starts again"),
        pytest.param(Crashed(), id="crashed"),
    ],
)
async def test_whatever_it_waits_for_a_waiting_run_is_cancelled_at_once(prefect, state) -> None:
    run = await in_state(prefect, state)

    assert (await prefect.cancel(run, "alice")).state is ImportState.CANCELLED
    assert (await last_state(run)).message == "Cancelled by alice."
    with pytest.raises(RunOver):
        await prefect.cancel(await prefect.read(run.id), "alice")


async def test_what_an_earlier_attempt_began_is_left_to_housekeeping_with_the_session_it_takes(prefect) -> None:
    run = await in_state(prefect, Running())
    await prefect.carry(run.key, "sealed")
    async with get_client() as client:
        await client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
        stopped = await prefect.cancel(await prefect.read(run.id), "alice")

        assert UNTIDY in stopped.tags
        assert await client.read_variable_by_name(carried_session_name(run.key)) is not None


async def test_a_run_that_began_while_it_was_cancelled_is_asked_to_stop(prefect) -> None:
    seen = await prefect.create(new_run())
    async with get_client() as client:
        await client.set_flow_run_state(seen.id, Running(), force=True)

    assert (await prefect.cancel(seen, "alice")).stopping


@pytest.fixture
async def unsent(prefect):
    """A message that could not be sent, in Prefect."""
    about, user = str(uuid.uuid4()), f"user-{uuid.uuid4()}"
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{MESSAGE_FLOW}/courier")
        message = {"subject": "3 images", "text": "Hello", "html": "<p>Hello</p>"}
        made = await client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"receiver": "alice@example.org", "message": message},
            tags=["server:main", f"user:{user}", about_tag(about)],
        )
        await client.set_flow_run_state(made.id, Failed(message="The mail server is away."), force=True)
    [found] = await prefect.unsent("main", frozenset({user}), 5)
    return found, about


async def test_an_unsent_message_says_whose_it_is_what_of_and_why(prefect, unsent) -> None:
    message, about = unsent

    assert isinstance(message, Message)
    assert (message.about, message.receiver, message.subject) == (about, "alice@example.org", "3 images")
    assert message.reason == "The mail server is away."
    assert await prefect.message(message.id) == message
    assert await prefect.unsent("main", frozenset({"nobody"}), 5) == []


async def test_a_message_is_sent_again_and_waits_meanwhile(prefect, unsent) -> None:
    message, _ = unsent
    await prefect.send_again(message, "alice")

    assert await prefect.still_to_send("main", frozenset({message.user})) == 1
    assert await prefect.unsent("main", frozenset({message.user}), 5) == []
    with pytest.raises(RunUnknown):
        await prefect.message(message.id)


async def test_a_message_is_deleted_once_and_for_all(prefect, unsent) -> None:
    message, _ = unsent
    for _ in range(2):
        await prefect.discard(message)

    assert await prefect.unsent("main", frozenset({message.user}), 5) == []


async def test_a_message_to_administrators_is_listed_for_each_server_that_it_concerns(prefect) -> None:
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{MESSAGE_FLOW}/courier")
        made = await client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"receiver": "root@example.org", "message": {"subject": "Digest", "text": "", "html": ""}},
            tags=["server:main", "server:another"],
        )
        await client.set_flow_run_state(made.id, Failed(), force=True)

    for server in ("main", "another"):
        (found,) = [each for each in await prefect.unsent(server, None, 50) if each.id == made.id]
        assert (found.user, found.servers) == ("", {"main", "another"})
    await prefect.discard(found)


async def test_an_import_is_no_message(prefect) -> None:
    run = await in_state(prefect, Failed())

    with pytest.raises(RunUnknown):
        await prefect.message(run.id)
