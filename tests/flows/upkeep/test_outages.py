"""A server that is away is asked once for all its runs; its pool goes on when it answers; an operator's pause stays."""

from collections.abc import Callable, Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate

from flows.core.names import outage_name, pool_of
from flows.core.settings import OmeroServer, Settings
from flows.upkeep import notes
from flows.upkeep.outages import end_outages, report_outage, why_away
from tests.flows.upkeep.conftest import SERVER
from tests.support.understudy import Understudy

pytestmark = pytest.mark.timeout(180)
POOL = pool_of(SERVER)
REASON = "OMERO does not answer."


@pytest.fixture
def pool(prefect: SyncPrefectClient) -> Iterator[Callable[[], bool]]:
    """Say whether the pool is paused; afterwards it is not."""
    yield lambda: prefect.read_work_pool(POOL).is_paused
    prefect.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    notes.drop(prefect, outage_name(SERVER))


@pytest.fixture
def omero(private_understudy: Callable[..., Understudy]) -> Understudy:
    return private_understudy()


def at(omero: Understudy, **account: str) -> OmeroServer:
    return OmeroServer(
        host=omero.host, port=omero.ssl_port, connect_timeout=2, call_timeout=2, service_account=account or None
    )


def settings(engine: Settings, server: OmeroServer) -> Settings:
    return engine.model_copy(update={"servers": {SERVER: server}})


def test_the_pool_waits_and_goes_on_when_omero_answers(
    prefect: SyncPrefectClient, pool: Callable[[], bool], omero: Understudy, engine: Settings
) -> None:
    here = settings(engine, at(omero, user="root", password="omero"))
    omero.kill()
    report_outage(prefect, SERVER, REASON)
    end_outages(prefect, here)
    assert pool()
    assert notes.read(prefect, outage_name(SERVER))["reason"] == REASON

    omero.restart()
    end_outages(prefect, here)

    assert not pool()
    assert notes.read(prefect, outage_name(SERVER)) is None


def test_the_first_reason_and_time_stay(prefect: SyncPrefectClient, pool: Callable[[], bool]) -> None:
    report_outage(prefect, SERVER, REASON)
    first = notes.read(prefect, outage_name(SERVER))

    report_outage(prefect, SERVER, "Something else.")

    assert pool()
    assert notes.read(prefect, outage_name(SERVER)) == first


def test_an_operators_pause_is_neither_taken_over_nor_ended(
    prefect: SyncPrefectClient, pool: Callable[[], bool], omero: Understudy, engine: Settings
) -> None:
    prefect.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))

    report_outage(prefect, SERVER, REASON)
    end_outages(prefect, settings(engine, at(omero)))

    assert pool()
    assert notes.read(prefect, outage_name(SERVER)) is None


def test_a_pool_that_was_resumed_too_early_is_paused_again(
    prefect: SyncPrefectClient, pool: Callable[[], bool], omero: Understudy, engine: Settings
) -> None:
    omero.kill()
    report_outage(prefect, SERVER, REASON)
    prefect.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))

    end_outages(prefect, settings(engine, at(omero)))

    assert pool()


def test_a_server_that_hangs_is_away(omero: Understudy) -> None:
    omero.control.freeze()

    assert "does not answer" in str(why_away(at(omero)))


@pytest.mark.parametrize(
    "account",
    [
        pytest.param({}, id="no service account"),
        pytest.param({"user": "root", "password": "omero"}, id="the right password"),
    ],
)
def test_a_server_that_answers_is_not_away(omero: Understudy, account: dict[str, str]) -> None:
    assert why_away(at(omero, **account)) is None


def test_an_omero_that_refuses_the_couriers_own_account_takes_no_imports_either(omero: Understudy) -> None:
    assert "refuses the courier's own account, courier" in str(why_away(at(omero, user="courier", password="changed")))
