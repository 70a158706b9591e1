"""A session that its client left to the courier ends after the last import that came with it, and not before."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr

from flows.core.errors import SessionEnded
from flows.core.names import TOLD, UNTIDY, outage_name, session_tag
from flows.core.omero_client import OmeroSession, join, log_in
from flows.core.seal import SessionToEnd, seal, session_to_end_name, unseal
from flows.core.settings import OmeroServer, Settings
from flows.upkeep import notes
from flows.upkeep.ending_sessions import end_sessions
from tests.flows.upkeep.conftest import SERVER, Make
from tests.support.understudy import Understudy

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def here(engine: Settings, understudy: Understudy) -> Settings:
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port)
    return engine.model_copy(update={"servers": {SERVER: server}})


@pytest.fixture
def clients(here: Settings) -> Iterator[OmeroSession]:
    with log_in(here.servers[SERVER], "alice", SecretStr("alice")) as session:
        yield session


class Left:
    """A session that was left to us, and the imports that came with it."""

    def __init__(self, prefect: SyncPrefectClient, make: Make, settings: Settings, key: SecretStr) -> None:
        self._prefect, self._make, self._settings, self.key = prefect, make, settings, key
        self.tag = session_tag(key.get_secret_value())
        self.name = session_to_end_name(self.tag)
        session = SessionToEnd(server=SERVER, user="alice", key=key)
        notes.write(prefect, self.name, seal(session, settings.seal_keys))

    def with_run(self, letters: str, *tags: str) -> None:
        self._make(letters, tags=(self.tag, *tags))

    @property
    def is_noted(self) -> bool:
        return self._prefect.read_variable_by_name(self.name) is not None

    @property
    def lives(self) -> bool:
        try:
            join(self._settings.servers[SERVER], self.key).close()
        except SessionEnded:
            return False
        return True


@pytest.fixture
def left(prefect: SyncPrefectClient, run: Make, here: Settings, clients: OmeroSession) -> Left:
    return Left(prefect, run, here, clients.key)


@pytest.mark.parametrize(
    ("runs", "lives"),
    [
        pytest.param([("s",)], True, id="its import is to come"),
        pytest.param([("h",)], True, id="its import is held"),
        pytest.param([("spra",)], True, id="its import waits for a further try"),
        pytest.param([("spr",)], True, id="its import is under way"),
        pytest.param([("sprx",)], True, id="the process of its import was lost"),
        pytest.param([("sprc", TOLD), ("spr",)], True, id="one of two is over"),
        pytest.param([("sprc",)], True, id="its user was not told yet"),
        pytest.param([("sprk", TOLD, UNTIDY)], True, id="something is left to be removed"),
        pytest.param([("sprc", TOLD), ("sprf", TOLD), ("sk", TOLD)], False, id="all are over"),
        pytest.param([], False, id="none was made after all"),
    ],
)
def test_a_session_ends_after_the_last_of_its_imports(
    runs: list[tuple[str, ...]], lives: bool, left: Left, prefect: SyncPrefectClient, here: Settings
) -> None:
    for letters, *tags in runs:
        left.with_run(letters, *tags)

    end_sessions(prefect, here, grace=timedelta())

    assert (left.lives, left.is_noted) == (lives, lives)


def test_a_session_whose_imports_are_just_being_made_is_left_alone(
    left: Left, prefect: SyncPrefectClient, here: Settings
) -> None:
    end_sessions(prefect, here)

    assert (left.lives, left.is_noted) == (True, True)


def test_a_session_that_is_over_already_is_forgotten(prefect: SyncPrefectClient, run: Make, here: Settings) -> None:
    gone = Left(prefect, run, here, SecretStr(str(uuid4())))

    end_sessions(prefect, here, grace=timedelta())

    assert not gone.is_noted


def test_while_omero_is_away_it_is_kept_in_mind(left: Left, prefect: SyncPrefectClient, here: Settings) -> None:
    away = here.model_copy(update={"servers": {SERVER: OmeroServer(host="127.0.0.1", port=1, connect_timeout=1)}})

    end_sessions(prefect, away, grace=timedelta())

    assert left.is_noted


def test_an_omero_that_is_known_to_be_away_is_not_asked(left: Left, prefect: SyncPrefectClient, here: Settings) -> None:
    notes.write(prefect, outage_name(SERVER), {"reason": "it is away"})
    try:
        end_sessions(prefect, here, grace=timedelta())
    finally:
        notes.drop(prefect, outage_name(SERVER))

    assert (left.lives, left.is_noted) == (True, True)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"seal_keys": (SecretStr(Fernet.generate_key().decode()),)}, id="its key was taken away"),
        pytest.param({"servers": {"other": OmeroServer(host="127.0.0.1")}}, id="its server was taken away"),
    ],
)
def test_what_nobody_can_end_any_more_is_forgotten(
    changed: dict[str, Any], left: Left, prefect: SyncPrefectClient, here: Settings
) -> None:
    end_sessions(prefect, here.model_copy(update=changed), grace=timedelta())

    assert not left.is_noted


def test_a_new_key_takes_over_what_an_old_one_sealed(left: Left, prefect: SyncPrefectClient, here: Settings) -> None:
    new = SecretStr(Fernet.generate_key().decode())
    left.with_run("spr")

    end_sessions(prefect, here.model_copy(update={"seal_keys": (new, *here.seal_keys)}))

    variable = prefect.read_variable_by_name(left.name)
    assert variable is not None
    assert unseal(str(variable.value), SessionToEnd, [new]).user == "alice"
