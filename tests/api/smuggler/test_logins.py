"""A session for imports to come: its key is handed out, and it lives unused for as long as was asked."""

import pytest

from flows.core.errors import OmeroUnavailable
from tests.support.api import PASSWORD

ASKED = {"omeroHost": "omero.invalid", "username": "alice", "password": PASSWORD}


def create(door, **more):
    sent = {**ASKED, **more}
    return door.client.post("/omero/session/create", json={name: value for name, value in sent.items() if value})


def test_the_key_is_the_answer(door) -> None:
    answer = create(door)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json;charset=UTF-8")
    assert answer.json()["sessionKey"].startswith("alice-")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "hours"),
    [(None, 1 / 6), ("1", 1 / 6), (3_600_000, 1), ("259200000", 72), ("604800000", 168)],
    ids=["nothing", "as in Smuggler's example", "an hour", "as Smuggler's Java client", "a week"],
)
def test_it_lives_unused_for_as_long_as_was_asked(door, asked, hours) -> None:
    assert create(door, keepAliveDuration=asked).status_code == 200
    assert door.omero.kept_alive_for == [pytest.approx(hours)]


@pytest.mark.parametrize(
    ("special", "why"),
    [
        ({"password": "wrong"}, "cannot create session: OMERO refused the login."),
        ({"username": ""}, "username: it is needed"),
        ({"omeroHost": "elsewhere"}, "omeroHost, omeroPort: elsewhere:4064 is none"),
        ({"omeroPort": "x"}, "omeroPort: not a positive integer"),
        ({"keepAliveDuration": "-1"}, "keepAliveDuration: not a positive integer"),
        ({"keepAliveDuration": "604800001"}, "keepAliveDuration: at most 604800000 here."),
    ],
    ids=["a wrong password", "no user", "another OMERO", "no port", "no duration", "for too long"],
)
def test_a_no_says_why_and_never_repeats_the_password(bare_door, special, why) -> None:
    answer = create(bare_door, **special)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json;charset=UTF-8")
    assert answer.json()["reason"].startswith(why)
    assert ASKED["password"] not in answer.text


@pytest.mark.parametrize("content", ["", "null", "[]", "{"])
def test_what_is_no_login_is_refused_with_a_reason(bare_door, content) -> None:
    headers = {"Content-Type": "application/json"}
    answer = bare_door.client.post("/omero/session/create", content=content, headers=headers)

    assert (answer.status_code, bool(answer.json()["reason"])) == (400, True)


def test_while_omero_is_away_it_says_when_to_come_back(door) -> None:
    door.omero.away = OmeroUnavailable("Nobody answers.")
    answer = create(door)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_smugglers_own_script_sends_two_slashes(door) -> None:
    address = f"{str(door.client.base_url).rstrip('/')}//omero/session/create"

    assert door.client.post(address, json=ASKED).status_code == 200
