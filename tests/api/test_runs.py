"""What the API asks of the workflow engine, answered alike by the one in memory and by Prefect."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, LogCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Running, Scheduled

from api.prefect_runs import PrefectRuns
from api.runs import EngineAway, ImportState, NewRun, RunOver, RunQuery, RunUnknown
from flows.core.control import Stage
from flows.core.names import EMAIL, LOGIN_NEEDED, PUT_OFF, REVIVED
from flows.core.seal import carried_session_name
from flows.core.status import FILESETS, FilesetStatus
from tests.support.api import new_run

pytestmark = pytest.mark.anyio


async def test_a_run_is_what_was_asked_for(runs) -> None:
    new = new_run(tags=frozenset({"session:5e55"}), bulk=True)
    made = await runs.create(new)

    read = await runs.read(made.id)
    assert (read.state, read.due, read.next_start) == (ImportState.SCHEDULED, new.start, new.start)
    same = set(NewRun.model_fields) - {"tags", "start", "email"}
    assert read.model_dump(include=same) == new.model_dump(include=same)
    assert read.tags == {"session:5e55", f"user:{new.user}", "server:main"}


async def test_where_its_user_can_be_reached_is_noted_from_the_start(prefect) -> None:
    made = await prefect.create(new_run(email="alice@example.org"))

    async with get_client() as client:
        assert (await client.read_flow_run(made.id)).labels[EMAIL] == "alice@example.org"


async def test_one_key_makes_one_run(runs) -> None:
    new = new_run()
    first = await runs.create(new)
    second = await runs.create(new.model_copy(update={"fingerprint": "two"}))

    assert (second.id, second.fingerprint) == (first.id, "one")


async def test_an_unknown_run_is_said_to_be_unknown(runs) -> None:
    with pytest.raises(RunUnknown):
        await runs.read(uuid.uuid4())


async def test_the_latest_runs_come_first_and_pages_go_on_where_the_last_one_ended(runs) -> None:
    start, user = datetime.now(UTC), f"user-{uuid.uuid4()}"
    for minutes in (1, 3, 2):
        await runs.create(new_run(user=user, start=start + timedelta(minutes=minutes)))
    query = RunQuery(server="main", users=frozenset({user}), limit=2)

    first = await runs.recent(query)
    second = await runs.recent(query.model_copy(update={"before": first[-1].due}))

    assert [(run.due - start).seconds // 60 for run in [*first, *second]] == [3, 2, 1]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({}, 1, id="the user's"),
        pytest.param({"users": frozenset()}, 0, id="nobody's"),
        pytest.param({"server": "other"}, 0, id="another server's"),
        pytest.param({"states": frozenset({ImportState.SCHEDULED})}, 1, id="those that wait"),
        pytest.param({"states": frozenset({ImportState.RUNNING, ImportState.FAILED})}, 0, id="those that run"),
        pytest.param({"since": datetime(2020, 1, 1, tzinfo=UTC)}, 1, id="since long"),
        pytest.param({"since": datetime(2100, 1, 1, tzinfo=UTC)}, 0, id="since a time to come"),
    ],
)
async def test_runs_are_found_by_what_is_asked_for(runs, change, found) -> None:
    made = await runs.create(new_run())
    query = RunQuery(server="main", users=frozenset({made.user}), limit=10)

    assert len(await runs.recent(query.model_copy(update=change))) == found


async def test_those_that_wait_are_counted_and_those_before_one(runs) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    before = await runs.waiting("main")
    for minutes in range(3):
        await runs.create(new_run(start=long_ago + timedelta(minutes=minutes)))

    assert await runs.waiting("main") == before + 3
    assert await runs.ahead("main", False, long_ago + timedelta(minutes=2)) == 2
    assert await runs.waiting("other") == 0
    for run in await runs.recent(RunQuery(server="main", users=None, before=long_ago + timedelta(days=1), limit=10)):
        await runs.cancel(run, "alice")


async def test_a_waiting_run_is_cancelled_at_once_and_only_once(runs) -> None:
    made = await runs.create(new_run())

    assert (await runs.cancel(made, "alice")).state is ImportState.CANCELLED
    with pytest.raises(RunOver):
        await runs.cancel(await runs.read(made.id), "alice")


async def test_a_run_that_did_not_begin_has_no_filesets_and_no_log(runs) -> None:
    made = await runs.create(new_run())

    assert await runs.filesets(made.id) == ()
    assert [line async for line in runs.log(made.id)] == []


async def test_a_session_may_be_carried_and_dropped_more_than_once(runs) -> None:
    for sealed in ("one", "two"):
        await runs.carry("key", sealed)
    for _ in range(2):
        await runs.drop("key")
    await runs.ping()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(Running(), ImportState.RUNNING, id="running"),
        pytest.param(Completed(), ImportState.COMPLETED, id="completed"),
        pytest.param(Failed(), ImportState.FAILED, id="failed"),
        pytest.param(Failed(name="PartlyFailed"), ImportState.PARTLY_FAILED, id="partly failed"),
        pytest.param(Crashed(message="killed"), ImportState.WAITING_TO_RETRY, id="crashed"),
        pytest.param(Failed(name=LOGIN_NEEDED), ImportState.LOGIN_NEEDED, id="its session has ended"),
        pytest.param(Scheduled(name=PUT_OFF), ImportState.SCHEDULED, id="gave its place back"),
        pytest.param(Scheduled(name=REVIVED), ImportState.WAITING_TO_RETRY, id="starts again after a crash"),
        pytest.param(AwaitingRetry(), ImportState.WAITING_TO_RETRY, id="waits to be tried again"),
    ],
)
async def test_each_state_of_prefect_is_told_and_found_in_our_words(prefect, state, expected) -> None:
    made = await prefect.create(new_run())
    async with get_client() as client:
        await client.set_flow_run_state(made.id, state, force=True)

    found = [
        run.state
        for each in ImportState
        for run in await prefect.recent(
            RunQuery(server="main", users=frozenset({made.user}), states=frozenset({each}), limit=5)
        )
    ]
    assert found == [expected] == [(await prefect.read(made.id)).state]


async def test_a_running_run_is_asked_to_stop_and_goes_on_until_it_has(prefect) -> None:
    made = await prefect.create(new_run())
    async with get_client() as client:
        await client.set_flow_run_state(made.id, Running(), force=True)

    first = await prefect.cancel(await prefect.read(made.id), "alice")
    again = await prefect.cancel(first, "alice")
    assert (first.state, first.stopping) == (again.state, again.stopping) == (ImportState.RUNNING, True)


async def test_cancelling_a_waiting_run_forgets_the_session_that_waited_with_it(prefect) -> None:
    made = await prefect.create(new_run())
    await prefect.carry(made.key, "sealed")
    await prefect.cancel(made, "alice")

    async with get_client() as client:
        assert await client.read_variable_by_name(carried_session_name(made.key)) is None


async def test_how_far_each_fileset_is_stands_in_the_runs_table(prefect) -> None:
    made, other = await prefect.create(new_run()), await prefect.create(new_run())
    status = FilesetStatus(key="a", name="a.tif", files=("/a.tif",), stage=Stage.UPLOAD, bytes_done=5, bytes_total=9)
    table = {"key": FILESETS, "type": "table"}
    async with get_client() as client:
        rows = [status.model_dump(mode="json")]
        await client.create_artifact(ArtifactCreate(flow_run_id=made.id, data=rows, **table))
        await client.create_artifact(ArtifactCreate(flow_run_id=other.id, data=[], **table))

    assert await prefect.filesets(made.id) == (status,)


async def test_the_log_is_read_in_order_page_by_page(prefect) -> None:
    made, now = await prefect.create(new_run()), datetime.now(UTC)
    lines = [
        LogCreate(name="x", level=20, message=f"step {n}", timestamp=now + timedelta(seconds=n), flow_run_id=made.id)
        for n in range(250)
    ]
    async with get_client() as client:
        await client.create_logs(lines)

    read = [line async for line in prefect.log(made.id)]
    assert [line.split()[-1] for line in read] == [str(n) for n in range(250)]
    assert "INFO" in read[0]


async def test_a_server_that_was_not_deployed_is_said_so(prefect) -> None:
    with pytest.raises(EngineAway, match="import-images/other is not deployed: run `make deploy`"):
        await prefect.create(new_run(server="other"))


async def test_an_engine_that_does_not_answer_is_away() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        async with PrefectRuns.connected() as unreachable:
            with pytest.raises(EngineAway):
                await unreachable.ping()


async def test_without_an_address_prefect_is_not_started_by_itself() -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(ValueError, match="PREFECT_API_URL is not set"):
        await PrefectRuns.connected().__aenter__()
