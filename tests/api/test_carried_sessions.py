"""Where OMERO has no service account, the caller's own session waits with the import, sealed."""

import pytest
from pydantic import SecretStr

from api.runs import ImportState
from flows.core.seal import CarriedSession, unseal
from tests.support.api import TOKEN


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
