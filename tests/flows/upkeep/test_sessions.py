"""A session that waits with a run is kept alive as long as the run needs it, and no longer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from flows.core.names import TOLD, UNTIDY
from flows.core.omero_client import OmeroSession, log_in
from flows.core.seal import CarriedSession, carried_session_name, seal, unseal
from flows.core.settings import OmeroServer, Settings
from flows.upkeep import notes
from flows.upkeep.sessions import look_after_sessions
from tests.flows.upkeep.conftest import SERVER, Make
from tests.support.understudy import Understudy

pytestmark = pytest.mark.timeout(180)
Seen = Callable[[UUID], FlowRun]


@pytest.fixture
def here(engine: Settings, understudy: Understudy) -> Settings:
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port)
    return engine.model_copy(update={"servers": {SERVER: server}})


@pytest.fixture
def users_own(here: Settings) -> Any:
    with log_in(here.servers[SERVER], "alice", SecretStr("alice")) as session:
        yield session


@pytest.fixture
def carry(
    prefect: SyncPrefectClient, run: Make, here: Settings, users_own: OmeroSession
) -> Callable[..., tuple[FlowRun, str]]:
    """Make a run in a state, with a session that waits with it; return it and the name of the session."""

    def make(letters: str, key: SecretStr = users_own.key, **more: Any) -> tuple[FlowRun, str]:
        number = uuid4().hex
        made = run(letters, key=number, **more)
        session = CarriedSession(server=SERVER, user="alice", key=key)
        name = carried_session_name(number)
        notes.write(prefect, name, seal(session, here.seal_keys))
        return prefect.read_flow_run(made), name

    return make


def kept(prefect: SyncPrefectClient, name: str) -> bool:
    return prefect.read_variable_by_name(name) is not None


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(("s", (), True), id="the run is to come"),
        pytest.param(("spra", (), True), id="the run waits for a further try"),
        pytest.param(("spr", (), True), id="the run is under way"),
        pytest.param(("sprx", (), True), id="the run's process was lost"),
        pytest.param(("sprc", (TOLD,), False), id="the run has ended"),
        pytest.param(("sk", (TOLD,), False), id="the run was cancelled"),
        pytest.param(("sk", (), True), id="it takes a session to find out whom to tell"),
        pytest.param(("sprk", (TOLD, UNTIDY), True), id="something is left to be removed with it"),
    ],
)
def test_a_session_goes_with_its_run(
    made: tuple[str, tuple[str, ...], bool], carry: Callable[..., Any], here: Settings, prefect: SyncPrefectClient
) -> None:
    letters, tags, stays = made
    _, name = carry(letters, tags=tags)

    look_after_sessions(prefect, here, grace=timedelta())

    assert kept(prefect, name) is stays


def test_a_session_whose_run_is_just_being_made_is_left_alone(here: Settings, prefect: SyncPrefectClient) -> None:
    name = carried_session_name(uuid4().hex)
    notes.write(prefect, name, "sealed")

    look_after_sessions(prefect, here)

    assert kept(prefect, name)


def test_a_session_that_has_ended_asks_its_user_to_log_in(
    carry: Callable[..., Any], here: Settings, prefect: SyncPrefectClient, seen: Seen
) -> None:
    waiting, _ = carry("spra", SecretStr(str(uuid4())))
    working, _ = carry("spr", SecretStr(str(uuid4())))

    look_after_sessions(prefect, here)

    ended = seen(waiting.id).state
    assert (ended.type.value, ended.name) == ("FAILED", "LoginNeeded")
    assert "Log in again" in ended.message
    assert seen(working.id).state.name == "Running"


def test_a_living_session_lets_its_run_wait(
    carry: Callable[..., Any], here: Settings, prefect: SyncPrefectClient, seen: Seen
) -> None:
    waiting, _ = carry("spra")

    look_after_sessions(prefect, here)

    assert seen(waiting.id).state.name == "AwaitingRetry"


def test_a_new_key_takes_over_what_an_old_one_sealed(
    carry: Callable[..., Any], here: Settings, prefect: SyncPrefectClient
) -> None:
    new = SecretStr(Fernet.generate_key().decode())
    _, name = carry("spra")

    look_after_sessions(prefect, here.model_copy(update={"seal_keys": (new, *here.seal_keys)}))

    sealed = prefect.read_variable_by_name(name).value
    assert unseal(sealed, CarriedSession, [new]).user == "alice"
