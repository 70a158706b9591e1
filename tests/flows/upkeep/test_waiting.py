"""At most k runs of a user stand in line; the next come as these end."""

from collections.abc import Callable
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.core import names
from flows.core.settings import Settings
from flows.upkeep.waiting import release_held_runs, release_next
from tests.flows.upkeep.conftest import SERVER, Make

pytestmark = pytest.mark.timeout(180)
Seen = Callable[[UUID], FlowRun]


def released(seen: Seen, runs: list[UUID]) -> list[bool]:
    return [seen(each).state.name == "Scheduled" for each in runs]


def test_the_oldest_come_first_and_no_more_than_there_is_room_for(
    run: Make, seen: Seen, prefect: SyncPrefectClient, user: str
) -> None:
    run("spr")
    held = [run("h") for _ in range(3)]

    assert release_next(prefect, SERVER, user, k=2) == 1

    assert released(seen, held) == [True, False, False]


@pytest.mark.parametrize("letters", ["s", "sp", "spr", "sprg"])
def test_who_stands_in_line_takes_a_place(letters: str, run: Make, prefect: SyncPrefectClient, user: str) -> None:
    run(letters)
    run("h")

    assert release_next(prefect, SERVER, user, k=1) == 0


@pytest.mark.parametrize("letters", ["sprc", "sprf", "sk", "sprx"])
def test_who_has_ended_takes_none(letters: str, run: Make, prefect: SyncPrefectClient, user: str) -> None:
    run(letters)
    run("h")

    assert release_next(prefect, SERVER, user, k=1) == 1


def test_bulk_and_people_stand_in_lines_of_their_own(
    run: Make, seen: Seen, prefect: SyncPrefectClient, user: str
) -> None:
    run("spr", queue=names.BULK)
    held = [run("h", queue=names.BULK), run("h", queue=names.PEOPLE)]

    release_next(prefect, SERVER, user, k=1)

    assert released(seen, held) == [False, True]


def test_housekeeping_lets_in_everybody_who_has_room(
    run: Make, seen: Seen, prefect: SyncPrefectClient, engine: Settings
) -> None:
    held = [run("h") for _ in range(3)]

    release_held_runs(prefect, engine)

    assert released(seen, held) == [True, True, False]
