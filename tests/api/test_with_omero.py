"""The interface before a real OMERO session: who is proved, whose target it is, what a log-out ends."""

import uuid

import pytest
from pydantic import SecretStr

from api.omero_access import OmeroServers
from flows.core.omero_client import log_in, resolve_target
from flows.core.requests import Target
from flows.core.settings import OmeroServer, ServiceAccount
from tests.support.api import TOKEN, WIDE_TOKEN, opened, some_settings

SERVICE = ServiceAccount(user="courier-service", password=SecretStr("courier-service"))

PASSWORDS = {"root": "omero"}
"""Everybody else's is their name."""


@pytest.fixture(params=["with a service account", "without one"])
def server(request, understudy) -> OmeroServer:
    account = SERVICE if request.param == "with a service account" else None
    return OmeroServer(host=understudy.host, port=understudy.ssl_port, service_account=account)


@pytest.fixture
def at_omero(server, data):
    """The interface before the OMERO stand-in."""
    settings = some_settings(data, servers={"main": server.model_dump()})
    with opened(settings, data, OmeroServers(settings.servers, 12)) as door:
        yield door


def login(door, user="alice", **changes):
    password = PASSWORDS.get(user, user)
    return door.client.post("/v1/sessions", json={"user": user, "password": password, **changes})


def as_user(door, user="alice") -> str:
    return login(door, user).json()["token"]


def test_a_login_makes_a_session_in_omero_that_idles_long(at_omero, server) -> None:
    answer = login(at_omero)

    told = answer.json()
    assert (answer.status_code, told["user"], told["group"]) == (201, "alice", "lab")
    assert "lab" in told["groups"]
    assert at_omero.ask(as_=told["token"]).status_code == 202


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "mallory"}], ids=["password", "user"])
def test_a_wrong_login_is_refused(at_omero, wrong) -> None:
    assert login(at_omero, **wrong).status_code == 401


def test_a_group_that_one_is_not_in_is_refused_at_login_and_at_the_import(at_omero) -> None:
    assert login(at_omero, group="clinic").status_code == 403
    assert at_omero.ask(as_=as_user(at_omero), group="clinic").status_code == 403


def test_the_key_of_a_living_session_is_as_good_and_stays_alive(at_omero, server) -> None:
    with log_in(server, "alice", SecretStr("alice")) as session:
        key = session.key.get_secret_value()

        assert at_omero.ask(as_=key).status_code == 202
        assert at_omero.get("/v1/imports", as_=key).json()["imports"]
        assert session.services.getAdminService().getEventContext().userName == "alice"


def test_a_session_that_has_ended_is_refused(at_omero) -> None:
    assert at_omero.ask(as_=str(uuid.uuid4())).status_code == 401


def test_logging_out_ends_the_session_in_omero(at_omero, server) -> None:
    token = as_user(at_omero)
    gone = at_omero.client.delete("/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})

    assert gone.status_code == 204
    assert at_omero.ask(as_=token).status_code == 401


def test_another_users_private_dataset_is_refused_in_the_words_of_one_that_does_not_exist(at_omero, server) -> None:
    with log_in(server, "carol", SecretStr("carol")) as session:
        name = f"carol's {uuid.uuid4()}"
        hers = resolve_target(session, Target(kind="Dataset", name=name), make=True).id

    told = set()
    for number in (hers, 10**9):
        answer = at_omero.ask(as_=as_user(at_omero), target=f"Dataset:id:{number}")
        assert answer.status_code == 403
        told.add(answer.json()["detail"].replace(f":{number}:", ":N:").replace(f" {number} ", " N "))
    assert told == {"Dataset:id:N: There is no Dataset N in the group lab, or alice cannot see it."}


def test_ones_own_dataset_is_fine_and_a_new_name_is_to_be_made(at_omero, server) -> None:
    name = f"cells {uuid.uuid4()}"
    body = {"sources": [at_omero.image()], "target": f"Dataset:name:{name}"}
    headers = {"Authorization": f"Bearer {as_user(at_omero)}"}

    told = at_omero.client.post("/v1/imports/preview", json=body, headers=headers).json()

    assert told["to_make"] == [f"Dataset {name}"]


@pytest.mark.parametrize("server", ["with a service account"], indirect=True)
def test_a_token_imports_through_the_service_account(at_omero) -> None:
    assert at_omero.ask(as_=TOKEN, group="lab").json()["group"] == "lab"
    assert at_omero.ask(as_=TOKEN, group="clinic").status_code == 403
    assert at_omero.ask(as_=WIDE_TOKEN, on_behalf_of="mallory", group="lab").status_code == 422


@pytest.mark.parametrize("server", ["without one"], indirect=True)
def test_a_session_that_is_carried_idles_longer(at_omero, server) -> None:
    with log_in(server, "alice", SecretStr("alice")) as session:
        at_omero.ask(as_=session.key.get_secret_value())

        key = session.key.get_secret_value()
        assert session.services.getSessionService().getSession(key).timeToIdle.val > 3600_000


def test_an_administrator_imports_for_a_user_where_the_service_account_can(at_omero, server) -> None:
    answer = at_omero.ask(at_omero.image("bob"), as_=as_user(at_omero, "root"), on_behalf_of="bob")

    assert answer.status_code == (202 if server.service_account else 403)


def test_a_server_that_answers_is_ready_and_one_that_does_not_is_away(at_omero, data) -> None:
    nobody = some_settings(data, servers={"main": {"host": "127.0.0.1", "port": 9}})
    with opened(nobody, data, OmeroServers(nobody.servers, 12)) as door:
        assert door.client.get("/health/ready").status_code == 503
        assert login(door).status_code == 503
    assert at_omero.client.get("/health/ready").status_code == 200
