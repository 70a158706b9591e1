"""Whose import waits long hears of it, once, and of many imports that only wait for their turn, of one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.states import Scheduled

from flows.core import names
from flows.core.settings import Mail, Notifications, Settings
from flows.upkeep import notes
from flows.upkeep.delays import tell_of_delays
from flows.upkeep.runs import find, tagged
from tests.flows.upkeep.conftest import SERVER, Make

pytestmark = pytest.mark.timeout(180)
RECEIVER = "alice@example.org"
Later = Callable[[float], None]


@pytest.fixture
def here(engine: Settings) -> Settings:
    return engine.model_copy(update={"notifications": Notifications(mail=Mail(), delay_minutes=60)})


@pytest.fixture
def after(prefect: SyncPrefectClient, here: Settings) -> Later:
    """Make a round so many minutes from now."""
    return lambda minutes: tell_of_delays(prefect, here, now=datetime.now(UTC) + timedelta(minutes=minutes))


@pytest.fixture
def words(prefect: SyncPrefectClient) -> Callable[[UUID], list[dict[str, Any]]]:
    """The messages about an import."""

    def of(run: UUID) -> list[dict[str, Any]]:
        wanted = FlowRunFilter(tags=tagged(names.about_tag(str(run))))
        return [each.parameters["message"] for each in find(prefect, [names.MESSAGE_FLOW], wanted)]

    return of


@pytest.mark.parametrize(
    ("letters", "minutes", "told"),
    [
        pytest.param("s", 61, 1, id="it stands in line for an hour"),
        pytest.param("s", 59, 0, id="it stands in line for less"),
        pytest.param("h", 61, 1, id="it is held for an hour"),
        pytest.param("h", 59, 0, id="it is held for less"),
        pytest.param("hs", 61, 1, id="it was held for a part of the hour"),
        pytest.param("spra", 61, 1, id="it waits for a further try"),
        pytest.param("spr", 61, 0, id="it runs"),
        pytest.param("sprf", 61, 0, id="it has failed"),
    ],
)
def test_an_import_that_waits_an_hour_is_told_of(
    *, letters: str, minutes: float, told: int, run: Make, after: Later, words: Callable[..., Any]
) -> None:
    number = run(letters, notify=[RECEIVER])

    after(minutes)
    after(minutes)

    assert len(words(number)) == told


def test_a_try_that_is_hours_away_is_told_at_once(
    run: Make, after: Later, words: Callable[..., Any], prefect: SyncPrefectClient
) -> None:
    number = run("spr", notify=[RECEIVER])
    later = datetime.now(UTC) + timedelta(hours=2)
    why = Scheduled(name=names.AWAITING_RETRY, scheduled_time=later, message="The share does not answer.")
    prefect.set_flow_run_state(number, why)

    after(0)

    (word,) = words(number)
    assert "The share does not answer." in word["text"]
    assert "The next try is on" in word["text"]


def test_a_retry_by_a_person_begins_a_new_wait(run: Make, after: Later, words: Callable[..., Any]) -> None:
    number = run("sprfs", notify=[RECEIVER])

    after(59)

    assert words(number) == []


def test_of_many_in_line_one_is_told_of(run: Make, after: Later, words: Callable[..., Any]) -> None:
    numbers = [run("h", notify=[RECEIVER]) for _ in range(4)]

    after(61)
    after(62)

    assert sum(len(words(each)) for each in numbers) == 1


def test_bulk_is_what_nobody_waits_for(run: Make, after: Later, words: Callable[..., Any]) -> None:
    number = run("s", queue=names.BULK, notify=[RECEIVER])

    after(61)

    assert words(number) == []


def test_an_outage_is_the_reason_while_it_lasts(
    run: Make, after: Later, words: Callable[..., Any], prefect: SyncPrefectClient
) -> None:
    number = run("s", notify=[RECEIVER])
    notes.write(prefect, names.outage_name(SERVER), {"since": "now", "reason": "It does not answer."})

    after(61)
    notes.drop(prefect, names.outage_name(SERVER))

    assert "OMERO is away. It does not answer." in words(number)[0]["text"]


def test_a_round_asks_once_whether_a_server_is_away(
    run: Make, after: Later, words: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [run("spra", notify=[RECEIVER]) for _ in range(3)]
    asked, read = [], notes.read
    monkeypatch.setattr(notes, "read", lambda client, name: asked.append(name) or read(client, name))

    after(61)

    assert asked == [names.outage_name(SERVER)]
    assert all(len(words(each)) == 1 for each in numbers)
