"""The line before an OMERO server: who is in it, who is held back, and lists that hold both in order."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.states import Running, Scheduled

from api.runs import ImportState, RunQuery
from flows.core.names import outage_name, pool_of
from flows.upkeep.outages import report_outage
from tests.support.api import new_run

pytestmark = pytest.mark.anyio


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4()}"


def later(**much: float) -> datetime:
    return datetime.now(UTC) + timedelta(**much)


async def test_a_held_run_says_when_it_was_asked_for_and_not_when_it_starts(runs, user) -> None:
    new = new_run(user=user, held=True)
    made = await runs.read((await runs.create(new)).id)

    assert (made.state, made.held, made.due, made.next_start) == (ImportState.SCHEDULED, True, new.start, None)


async def test_lists_hold_held_runs_runs_for_later_and_others_in_order_on_every_page(runs, user) -> None:
    wanted = [
        (await runs.create(new_run(user=user, start=later(minutes=n), held=n % 3 == 0, bulk=n % 4 == 0))).id
        for n in range(12)
    ]
    query = RunQuery(server="main", users=frozenset({user}), limit=5)
    seen = []
    while page := await runs.recent(query):
        seen += [run.id for run in page]
        query = query.model_copy(update={"before": page[-1].due})

    assert seen == wanted[::-1]


async def test_a_run_that_was_released_keeps_its_place_in_lists(prefect, user) -> None:
    first, second = [await prefect.create(new_run(user=user, held=n == 0)) for n in range(2)]
    async with get_client() as client:
        await client.set_flow_run_state(first.id, Scheduled())

    found = await prefect.recent(RunQuery(server="main", users=frozenset({user}), limit=5))
    assert [run.id for run in found] == [second.id, first.id]
    assert (found[1].held, found[1].next_start is None) == (False, False)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({"since": timedelta(minutes=-1)}, 2, id="since just before"),
        pytest.param({"since": timedelta(minutes=1)}, 0, id="since later"),
        pytest.param({"before": timedelta(minutes=-1)}, 0, id="before them"),
        pytest.param({"before": timedelta(minutes=1)}, 2, id="before later"),
    ],
)
async def test_held_runs_are_found_by_the_time_at_which_they_were_asked_for(runs, user, change, found) -> None:
    for held in (True, False):
        await runs.create(new_run(user=user, held=held))
    moments = {name: datetime.now(UTC) + shift for name, shift in change.items()}

    query = RunQuery(server="main", users=frozenset({user}), limit=5, **moments)
    assert len(await runs.recent(query)) == found


async def test_a_user_is_in_the_pool_with_what_runs_and_stands_in_line_and_not_with_what_is_held(runs, user) -> None:
    for changes in ({}, {"held": True}, {"bulk": True}, {"start": later(hours=1)}):
        await runs.create(new_run(user=user, **changes))

    now = later(seconds=1)
    assert await runs.in_pool("main", user, False, now) == 1
    assert await runs.in_pool("main", user, True, now) == 1
    assert await runs.in_pool("main", user, False, later(hours=2)) == 2
    assert await runs.in_pool("main", "nobody", False, now) == 0


async def test_a_run_at_work_takes_its_users_place(prefect, user) -> None:
    made = await prefect.create(new_run(user=user))
    async with get_client() as client:
        await client.set_flow_run_state(made.id, Running(), force=True)

    assert await prefect.in_pool("main", user, False, later(seconds=1)) == 1


async def test_held_runs_are_counted_by_user_queue_and_time(runs, user) -> None:
    start = datetime.now(UTC)
    for n in range(3):
        await runs.create(new_run(user=user, held=True, start=start + timedelta(seconds=n)))

    assert await runs.held("main", user, False, start + timedelta(seconds=2)) == 2
    assert await runs.held("main", user, True, start + timedelta(hours=1)) == 0


async def test_people_go_before_bulk_even_when_they_came_later(runs, user) -> None:
    long_ago = datetime(2002, 1, 1, tzinfo=UTC)
    before = await runs.ahead("main", True, long_ago)
    made = [await runs.create(new_run(user=user, bulk=n == 0, start=long_ago + timedelta(minutes=n))) for n in range(3)]

    with_them = await runs.ahead("main", True, long_ago + timedelta(seconds=1))
    assert await runs.ahead("main", False, long_ago + timedelta(minutes=2)) == 1
    for run in made:
        await runs.cancel(run, "alice")
    # Runs of other tests may come due meanwhile.
    assert before + 3 <= with_them <= await runs.ahead("main", True, long_ago) + 3


async def test_runs_that_live_in_a_session_are_counted_until_they_are_over(runs) -> None:
    tag = f"session:{uuid.uuid4().hex[:16]}"
    made = await runs.create(new_run(tags=frozenset({tag})))

    assert (await runs.living_in("main", tag), await runs.living_in("main", "session:other")) == (1, 0)
    await runs.cancel(made, "alice")
    assert await runs.living_in("main", tag) == 0


async def test_a_run_moves_to_another_session(runs) -> None:
    made = await runs.create(new_run(tags=frozenset({"session:old"})))
    await runs.move(made, "session:new")

    assert (await runs.read(made.id)).tags == (made.tags - {"session:old"}) | {"session:new"}


async def test_a_pool_that_the_operator_paused_is_said_to_be(prefect) -> None:
    assert await prefect.outage("main") is None
    async with get_client() as client:
        await client.update_work_pool(pool_of("main"), WorkPoolUpdate(is_paused=True))
        told = await prefect.outage("main")
        await client.update_work_pool(pool_of("main"), WorkPoolUpdate(is_paused=False))

    assert told == "The operator has paused the imports into OMERO main."


async def test_while_omero_is_away_it_is_said_since_when(prefect) -> None:
    with get_client(sync_client=True) as client:
        report_outage(client, "main", "It does not answer.")
        since = client.read_variable_by_name(outage_name("main")).value["since"]
        told = await prefect.outage("main")
        client.update_work_pool(pool_of("main"), WorkPoolUpdate(is_paused=False))
        client.delete_variable_by_name(outage_name("main"))

    assert told == f"OMERO main is away since {since[:16].replace('T', ' ')} UTC: imports wait."
