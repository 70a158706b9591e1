"""Where OMERO has no service account, the caller's own session waits with the import, sealed."""

import pytest
from pydantic import SecretStr

from api.runs import EngineAway, ImportState
from flows.core.names import session_tag
from flows.core.seal import CarriedSession, SessionHandle, unseal
from tests.support.api import PASSWORD, TOKEN


@pytest.fixture
def plain(door_with):
    """The interface before an OMERO server that has no service account."""
    return door_with(servers={"main": {"host": "omero.invalid"}})


def test_the_session_waits_sealed_under_the_runs_key(plain) -> None:
    plain.ask()

    [run] = plain.runs.kept.values()
    carried = unseal(plain.runs.carried[run.key], CarriedSession, plain.settings.seal_keys)
    assert carried == CarriedSession(server="main", user="alice", key=SecretStr("alice-session"))


def test_nothing_that_the_engine_shows_holds_the_session(plain) -> None:
    plain.ask(headers={"Idempotency-Key": "shot-17"})

    assert "alice-session" not in f"{plain.runs.kept} {plain.runs.carried}"


def test_the_session_may_idle_longer_and_the_answer_says_what_ends_the_import(plain) -> None:
    answer = plain.ask()

    assert plain.omero.kept_alive_for == [12]
    assert "do not log out" in answer.json()["notes"][0]


def test_nothing_is_carried_where_there_is_a_service_account(door) -> None:
    answer = door.ask()

    assert door.runs.carried == {}
    assert door.omero.kept_alive_for == [None]
    assert answer.json()["notes"] == []


def test_a_token_cannot_import_there(plain) -> None:
    answer = plain.ask(as_=TOKEN)

    assert (answer.status_code, answer.json()["type"]) == (403, "urn:omero-courier:session-needed")


def test_an_administrator_imports_there_for_themselves_only(plain) -> None:
    assert plain.ask(plain.image("bob"), as_="root", on_behalf_of="bob").status_code == 403


def test_a_request_repeated_after_the_end_leaves_no_session_behind(plain) -> None:
    source, key = plain.image(), {"Idempotency-Key": "shot-17"}
    import_id = plain.ask(source, headers=key).json()["id"]
    plain.runs.becomes(import_id, state=ImportState.COMPLETED)
    plain.runs.carried.clear()

    assert plain.ask(source, headers=key).json()["id"] == import_id
    assert plain.runs.carried == {}


def logged_in(plain) -> tuple[dict[str, str], str]:
    """Log alice in with her password; return her header, and the key of the session that her imports live in."""
    answer = plain.client.post("/v1/sessions", json={"user": "alice", "password": PASSWORD}).json()
    handle = unseal(answer["token"], SessionHandle, plain.settings.seal_keys)
    return {"Authorization": f"Bearer {answer['token']}"}, handle.carried.get_secret_value()


def test_who_comes_with_a_password_may_log_out_and_the_import_goes_on(plain) -> None:
    header, lives_in = logged_in(plain)
    asked = plain.client.post("/v1/imports", json={"sources": [plain.image()]}, headers=header)
    gone = plain.client.delete("/v1/sessions/current", headers=header)

    [run] = plain.runs.kept.values()
    assert unseal(plain.runs.carried[run.key], CarriedSession, plain.settings.seal_keys).key == SecretStr(lives_in)
    assert (asked.json()["notes"], gone.status_code) == ([], 204)
    assert lives_in not in plain.omero.ended
    assert plain.client.get("/v1/imports", headers=header).status_code == 401


@pytest.mark.parametrize("asks", [True, False], ids=["its import has ended", "nothing was asked for"])
def test_a_log_out_leaves_no_session_behind_that_no_import_needs(plain, asks) -> None:
    header, lives_in = logged_in(plain)
    if asks:
        import_id = plain.client.post("/v1/imports", json={"sources": [plain.image()]}, headers=header).json()["id"]
        plain.runs.becomes(import_id, state=ImportState.COMPLETED)
    plain.client.delete("/v1/sessions/current", headers=header)

    assert lives_in in plain.omero.ended
    assert len(plain.omero.ended) == 2


def test_where_nobody_can_tell_the_session_is_left_to_end_by_itself(plain) -> None:
    header, lives_in = logged_in(plain)
    plain.runs.away = EngineAway("not now")

    assert plain.client.delete("/v1/sessions/current", headers=header).status_code == 204
    assert lives_in not in plain.omero.ended


def test_a_repeated_request_lives_in_the_newer_session(plain) -> None:
    source, key = plain.image(), {"Idempotency-Key": "shot-17"}
    for header, _ in (logged_in(plain), newer := logged_in(plain)):
        plain.client.post("/v1/imports", json={"sources": [source]}, headers={**header, **key})

    [run] = plain.runs.kept.values()
    assert {tag for tag in run.tags if tag.startswith("session:")} == {session_tag(newer[1])}


def test_where_there_is_a_service_account_a_login_is_one_session(door) -> None:
    answer = door.client.post("/v1/sessions", json={"user": "alice", "password": PASSWORD}).json()

    assert unseal(answer["token"], SessionHandle, door.settings.seal_keys).carried is None
