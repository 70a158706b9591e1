"""What Smuggler's interface asks of the engine beyond the courier's own: of the one in memory, and of Prefect."""

from uuid import uuid4

import pytest

from api.runs import ImportState
from flows.core.names import session_tag
from flows.core.seal import session_to_end_name
from tests.support.api import new_run

pytestmark = pytest.mark.anyio


async def test_a_run_tells_the_states_that_it_came_into(runs) -> None:
    run = await runs.create(new_run())
    await runs.cancel(run, "alice")

    first, *_, last = await runs.steps(run.id)
    assert (first.state, first.next_start) == (ImportState.SCHEDULED, run.next_start)
    assert (last.state, last.message) == (ImportState.CANCELLED, "Cancelled by alice.")
    assert first.when <= last.when
    assert await runs.steps(uuid4()) == ()


async def test_a_run_can_be_marked_and_keeps_its_other_tags(runs) -> None:
    run = await runs.create(new_run())
    await runs.mark(run, "dealt:1:0")

    assert (await runs.read(run.id)).tags == run.tags | {"dealt:1:0"}


async def test_a_session_is_kept_to_be_ended_until_it_is_not_to_be(prefect) -> None:
    tag = session_tag(uuid4().hex)
    for sealed in ("sealed", "sealed anew"):
        await prefect.end_later(tag, sealed)

    kept = await prefect._client.read_variable_by_name(session_to_end_name(tag))
    assert (kept.value, kept.tags) == ("sealed anew", ["courier"])
    for _ in range(2):
        await prefect.end_not(tag)
    assert await prefect._client.read_variable_by_name(session_to_end_name(tag)) is None
