"""At most so many imports of one user are in the pool at a time: the others wait until an earlier one has ended."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.runs import ImportState
from tests.support.api import WIDE_TOKEN, bearer

TONIGHT = (datetime.now(UTC) + timedelta(hours=3)).isoformat()


@pytest.fixture
def fair(door_with):
    """The interface, which lets two imports of one user into the pool."""
    account = {"user": "courier-service", "password": "unused"}
    return door_with(servers={"main": {"host": "omero.invalid", "service_account": account, "runs_per_user": 2}})


def held(door) -> list[bool]:
    return [run.held for run in door.runs.kept.values()]


def test_a_users_third_import_is_held_back_and_anothers_first_is_not(fair) -> None:
    for _ in range(4):
        fair.ask()
    fair.ask(fair.image("bob"), as_="bob")

    assert held(fair) == [False, False, True, True, False]


def test_of_requests_that_come_at_once_no_more_than_allowed_get_in(fair) -> None:
    source = fair.image()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fair.ask(source), range(24)))

    assert {answer.status_code for answer in answers} == {202}
    assert held(fair).count(False) == 2


def test_an_import_that_can_wait_takes_no_place_of_one_that_cannot(fair) -> None:
    for _ in range(3):
        fair.ask(bulk=True)
    fair.ask()

    assert [(run.bulk, run.held) for run in fair.runs.kept.values()] == [
        (True, False),
        (True, False),
        (True, True),
        (False, False),
    ]


def test_a_user_does_not_fill_the_pool_at_an_agreed_hour(fair) -> None:
    for _ in range(3):
        fair.ask(not_before=TONIGHT)
    fair.ask()

    assert held(fair) == [False, False, True, False]


def test_an_import_that_was_made_before_takes_no_place_again(fair) -> None:
    source = fair.image()
    for _ in range(3):
        fair.ask(source, headers={"Idempotency-Key": "shot-17"})
    fair.ask()

    assert held(fair) == [False, False]


@pytest.mark.usefixtures("counts_are_fresh")
def test_a_place_that_became_free_is_seen_by_the_next_count(fair) -> None:
    first = fair.ask().json()["id"]
    fair.ask()
    fair.runs.becomes(first, state=ImportState.COMPLETED)
    fair.ask()

    assert held(fair) == [False, False, False]


def test_a_held_import_says_so_and_how_many_are_ahead(fair) -> None:
    told = [fair.ask().json() for _ in range(4)]
    fair.ask(fair.image("bob"), as_="bob")

    assert [each["position"] for each in told] == [0, 1, 2, 3]
    last = fair.get(f"/v1/imports/{told[-1]['id']}").json()
    assert (last["state"], last["next_attempt"], last["position"]) == ("scheduled", None, 4)


def test_a_list_tells_the_positions_of_all_that_wait(fair) -> None:
    for _ in range(5):
        fair.ask()
    fair.ask(bulk=True)
    page = fair.get("/v1/imports", limit=4).json()

    assert [each["position"] for each in page["imports"]] == [2, 4, 3, 2]
    rest = fair.get("/v1/imports", cursor=page["next_cursor"]).json()
    assert [each["position"] for each in rest["imports"]] == [1, 0]


@pytest.mark.usefixtures("counts_are_fresh")
def test_a_retry_takes_its_turn_like_any_other(fair) -> None:
    failed = [fair.ask().json()["id"] for _ in range(3)]
    for each in failed:
        fair.runs.becomes(each, state=ImportState.FAILED, held=False)
    for each in failed:
        fair.client.post(f"/v1/imports/{each}/retry", headers=bearer("alice"))

    assert [fair.runs.kept[UUID(each)].held for each in failed] == [False, False, True]


def test_while_omero_is_away_those_that_wait_say_so_and_others_do_not(fair) -> None:
    waiting, done = fair.ask().json()["id"], fair.ask(as_=WIDE_TOKEN, on_behalf_of="alice").json()["id"]
    fair.runs.becomes(done, state=ImportState.COMPLETED)
    fair.runs.paused = "OMERO main is away since 2026-11-23 22:00 UTC: imports wait."

    reasons = {each["id"]: each["reason"] for each in fair.get("/v1/imports").json()["imports"]}
    assert reasons == {waiting: fair.runs.paused, done: None}
    assert fair.get(f"/v1/imports/{waiting}").json()["reason"] == fair.runs.paused
