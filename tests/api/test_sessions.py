"""Logging in and out at the door."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from api.callers import BELIEVED
from flows.core.errors import OmeroUnavailable
from flows.core.seal import SessionHandle, seal, unseal
from tests.support.api import PASSWORD, TOKEN


def log_in(door, **changes):
    return door.client.post("/v1/sessions", json={"user": "alice", "password": PASSWORD, **changes})


def handle(door) -> dict[str, str]:
    return {"Authorization": f"Bearer {log_in(door).json()['token']}"}


def test_user_and_password_give_a_handle_that_every_call_takes(door) -> None:
    answer = log_in(door)
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}

    assert answer.status_code == 201
    assert (answer.json()["user"], answer.json()["group"], answer.json()["server"]) == ("alice", "lab", "main")
    assert answer.headers["Cache-Control"] == "no-store"
    assert door.client.post("/v1/imports", json={"sources": [door.image()]}, headers=headers).status_code == 202


def test_a_handle_shows_nothing_of_the_session_inside(door) -> None:
    token = log_in(door).json()["token"]

    key = unseal(token, SessionHandle, door.settings.seal_keys).key.get_secret_value()
    assert key.startswith("alice-")
    assert key not in token


@pytest.mark.parametrize(
    "wrong", [pytest.param({"password": "wrong"}, id="password"), pytest.param({"user": "mallory"}, id="user")]
)
def test_a_wrong_login_is_refused_in_the_same_words(door, wrong) -> None:
    answer = log_in(door, **wrong)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "OMERO refused the login."


def test_after_logging_out_the_handle_is_worth_nothing(door) -> None:
    headers = handle(door)
    door.client.get("/v1/imports", headers=headers)

    assert door.client.delete("/v1/sessions/current", headers=headers).status_code == 204
    assert door.client.get("/v1/imports", headers=headers).status_code == 401


def test_a_handle_altered_is_refused(door) -> None:
    token = log_in(door).json()["token"]
    answer = door.client.get("/v1/imports", headers={"Authorization": f"Bearer {token[:-4]}AAA="})

    assert answer.status_code == 401


def test_a_token_has_no_session_to_end(door) -> None:
    answer = door.client.delete("/v1/sessions/current", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 403


def test_with_several_servers_the_login_names_one_and_the_handle_remembers_it(door_with) -> None:
    door = door_with(servers={name: {"host": f"{name}.invalid"} for name in ("main", "guest")})
    named = log_in(door, server="guest")

    assert log_in(door).status_code == 422
    assert named.json()["server"] == "guest"
    headers = {"Authorization": f"Bearer {named.json()['token']}"}
    answer = door.client.post("/v1/imports", json={"sources": [door.image()]}, headers=headers)
    assert answer.json()["server"] == "guest"
    other = door.client.get("/v1/imports", headers=headers, params={"server": "main"})
    assert other.status_code == 403


def test_while_omero_is_away_who_logged_in_here_still_sees_and_stops_their_imports_and_no_more(door) -> None:
    headers = handle(door)
    number = door.client.post("/v1/imports", json={"sources": [door.image()]}, headers=headers).json()["id"]
    bobs = door.ask(door.image("bob"), as_="bob").json()["id"]
    door.omero.away = OmeroUnavailable()

    assert door.client.get(f"/v1/imports/{number}", headers=headers).status_code == 200
    assert door.client.get(f"/v1/imports/{bobs}", headers=headers).status_code == 404
    assert door.client.post(f"/v1/imports/{number}/cancel", headers=headers).status_code == 202
    assert door.client.post(f"/v1/imports/{number}/retry", headers=headers).status_code == 503
    assert door.client.post("/v1/imports", json={"sources": [door.image()]}, headers=headers).status_code == 503


def test_who_logged_in_long_ago_is_not_believed_while_omero_is_away(door) -> None:
    long_ago = datetime.now(UTC) - BELIEVED - timedelta(minutes=1)
    old = SessionHandle(server="main", user="alice", key=SecretStr("alice-1"), made=long_ago)
    headers = {"Authorization": f"Bearer {seal(old, door.settings.seal_keys)}"}
    door.omero.away = OmeroUnavailable()

    assert door.client.get("/v1/imports", headers=headers).status_code == 503


def test_when_omero_is_away_everybody_is_asked_to_come_back(door) -> None:
    door.omero.away = OmeroUnavailable()

    for answer in (log_in(door), door.ask(), door.get("/v1/imports")):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
