"""Whether an OMERO answers is asked with a login: its router answers also when nothing behind it does."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from flows.core.errors import AccountRefused, OmeroUnavailable
from flows.core.omero_client import check_answers, latency
from flows.core.settings import OmeroServer, ServiceAccount
from tests.support.understudy import Understudy

ACCOUNT = ServiceAccount(user="courier-service", password=SecretStr("courier-service"))
WRONG = ServiceAccount(user="courier-service", password=SecretStr("wrong"))


def at(omero: Understudy, account: ServiceAccount | None = ACCOUNT) -> OmeroServer:
    where = {"host": omero.host, "port": omero.ssl_port}
    return OmeroServer(**where, connect_timeout=2, call_timeout=2, service_account=account)


@pytest.mark.parametrize("account", [ACCOUNT, None], ids=["account", "no account"])
def test_an_omero_that_lets_our_account_in_or_refuses_a_guest_answers(
    understudy: Understudy, account: ServiceAccount | None
) -> None:
    check_answers(at(understudy, account))


def test_an_omero_that_refuses_our_account_takes_no_imports(understudy: Understudy) -> None:
    with pytest.raises(AccountRefused):
        check_answers(at(understudy, WRONG))


@pytest.mark.parametrize("account", [ACCOUNT, None], ids=["account", "no account"])
def test_an_omero_that_hangs_does_not_answer_and_is_slow(
    private_understudy: Callable[..., Understudy], account: ServiceAccount | None
) -> None:
    omero = private_understudy()
    omero.control.freeze()

    with pytest.raises(OmeroUnavailable):
        check_answers(at(omero, account))
    assert latency(at(omero, account)) >= 2


def test_an_omero_that_is_not_there_is_not_slow(private_understudy: Callable[..., Understudy]) -> None:
    omero = private_understudy()
    omero.kill()

    with pytest.raises(OmeroUnavailable):
        latency(at(omero))
