"""Imports that are over: tried again by who may, or forgotten."""

import pytest
from pydantic import SecretStr

from api.runs import ImportState
from flows.core.names import REPLAY_ALL, TOLD, session_tag
from flows.core.seal import CarriedSession, unseal
from tests.support.api import PASSWORD, TOKEN, bearer

OVER = [
    ImportState.FAILED,
    ImportState.PARTLY_FAILED,
    ImportState.CANCELLED,
    ImportState.LOGIN_NEEDED,
]


def over(door, state=ImportState.FAILED, **changes):
    """An import of alice's that is over."""
    return door.runs.becomes(door.ask().json()["id"], state=state, **changes)


def retry(door, run, who="alice", **body):
    return door.client.post(f"/v1/imports/{run.id}/retry", json=body or None, headers=bearer(who))


@pytest.mark.parametrize("state", OVER)
def test_what_failed_is_tried_again(door, state) -> None:
    run = over(door, state, tags=frozenset({TOLD}))
    answer = retry(door, run)

    assert answer.status_code == 202
    assert (answer.json()["id"], answer.json()["state"]) == (str(run.id), "waiting_to_retry")
    assert answer.json()["reason"] == "Retried by alice."
    assert door.runs.kept[run.id].tags == frozenset()


def test_all_of_it_may_be_tried_again_even_when_nothing_failed(door) -> None:
    run = over(door, ImportState.COMPLETED)

    assert (retry(door, run).status_code, retry(door, run, what="failed").json()["status"]) == (409, 409)
    assert retry(door, run, what="all").status_code == 202
    assert REPLAY_ALL in door.runs.kept[run.id].tags


def test_what_waits_or_runs_is_neither_tried_again_nor_forgotten(door) -> None:
    waiting, running = (door.ask().json()["id"] for _ in range(2))
    door.runs.becomes(running, state=ImportState.RUNNING)

    for each in (waiting, running):
        answers = [
            door.client.request(method, f"/v1/imports/{each}{rest}", headers=bearer("alice"))
            for method, rest in (("POST", "/retry"), ("DELETE", ""))
        ]
        assert [answer.status_code for answer in answers] == [409, 409]
        assert {answer.json()["type"] for answer in answers} == {"urn:omero-courier:under-way"}


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param("bob", 404, id="another user"),
        pytest.param("root", 202, id="an administrator"),
        pytest.param(TOKEN, 202, id="the user's machine"),
    ],
)
def test_who_may_try_an_import_again(door, who, status) -> None:
    assert retry(door, over(door), who).status_code == status


@pytest.mark.usefixtures("counts_are_fresh")
def test_a_retry_is_refused_while_too_much_waits(door_with) -> None:
    door = door_with(http={"max_waiting": 1})
    run = over(door)
    door.ask()
    answer = retry(door, run)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_who_tried_again_and_who_forgot_is_written_down(door_with, tmp_path) -> None:
    trail = tmp_path / "audit.jsonl"
    door = door_with(audit={"file": str(trail)})
    run = over(door)
    retry(door, run, "root", what="all")
    door.runs.becomes(run.id, state=ImportState.FAILED)
    door.client.delete(f"/v1/imports/{run.id}", headers=bearer("alice"))

    written = trail.read_text()
    assert '"action":"retry-all","who":"user:root"' in written
    assert '"action":"forget","who":"user:alice"' in written


def test_a_failed_import_that_was_dealt_with_is_forgotten(door) -> None:
    run = over(door)
    answers = [door.client.delete(f"/v1/imports/{run.id}", headers=bearer("alice")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 404]
    assert door.get("/v1/imports").json()["imports"] == []


def test_another_user_does_not_forget_it(door) -> None:
    run = over(door)

    assert door.client.delete(f"/v1/imports/{run.id}", headers=bearer("bob")).status_code == 404
    assert run.id in door.runs.kept


def test_what_failed_is_listed_in_each_of_its_ways(door) -> None:
    failed = [over(door, state).id for state in (ImportState.FAILED, ImportState.LOGIN_NEEDED)]
    over(door, ImportState.COMPLETED)

    found = door.get("/v1/imports", state=["failed", "partly_failed", "login_needed"]).json()["imports"]
    assert [each["id"] for each in found] == [str(each) for each in failed[::-1]]


def test_an_answer_says_how_often_it_was_tried(door) -> None:
    run = over(door, attempts=3)

    assert door.get(f"/v1/imports/{run.id}").json()["attempts"] == 3
    assert door.get("/v1/imports").json()["imports"][0]["attempts"] == 3


@pytest.fixture
def plain(door_with):
    """The interface before an OMERO server that has no service account."""
    return door_with(servers={"main": {"host": "omero.invalid"}})


def test_where_there_is_no_service_account_a_retry_brings_a_fresh_session(plain) -> None:
    run = over(plain, ImportState.LOGIN_NEEDED)
    plain.runs.carried.clear()
    login = plain.client.post("/v1/sessions", json={"user": "alice", "password": PASSWORD})
    answer = plain.client.post(f"/v1/imports/{run.id}/retry", headers=bearer(login.json()["token"]))

    carried = unseal(plain.runs.carried[run.key], CarriedSession, plain.settings.seal_keys)
    assert answer.status_code == 202
    assert carried.user == "alice"
    assert plain.runs.kept[run.id].tags >= {session_tag(carried.key.get_secret_value())}


@pytest.mark.parametrize("who", ["root", TOKEN], ids=["an administrator", "a machine"])
def test_nobody_else_has_the_session_that_it_takes(plain, who) -> None:
    answer = retry(plain, over(plain), who)

    assert (answer.status_code, answer.json()["type"]) == (403, "urn:omero-courier:session-needed")
    assert "alice logs in" in answer.json()["advice"]


def test_a_session_that_has_ended_retries_nothing(plain) -> None:
    run = over(plain)
    plain.omero.end("main", SecretStr("alice-session"))

    assert retry(plain, run).status_code == 401
    assert plain.runs.kept[run.id].state is ImportState.FAILED
