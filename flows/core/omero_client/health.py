"""How an OMERO server is: whether it answers, and how fast; and the sign of life that a waiting session needs."""

import time

from pydantic import SecretStr

from flows.core.errors import CourierError, LoginRefused
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.logins import join, log_in, log_in_itself, ping
from flows.core.settings import OmeroServer

GUEST = ("guest", SecretStr("guest"))


def check_answers(server: OmeroServer) -> None:
    """See that OMERO takes logins: the router of one that hangs still answers a ping.

    Without an account of ours it is OMERO's guest who logs in: where there is none, to be refused is an answer too.

    Raises:
        OmeroUnavailable: it does not answer.
        AccountRefused: it does, but does not let our account in: nothing can be imported either.
        OmeroError: it is in trouble.
    """
    ping(server)
    if server.service_account is not None:
        log_in_itself(server, server.service_account).kill()
        return
    try:
        log_in(server, *GUEST).kill()
    except LoginRefused:
        return


def latency(server: OmeroServer) -> float:
    """Return how many seconds OMERO takes to let somebody in; what it does not answer counts with the time waited.

    Raises:
        OmeroUnavailable: it is not there at all.
    """
    ping(server)
    began = time.monotonic()
    try:
        check_answers(server)
    except CourierError as trouble:
        if not trouble.transient:
            raise
    return time.monotonic() - began


def keep_alive_once(server: OmeroServer, key: SecretStr) -> None:
    """Give a sign of life in a session that waits, and leave it again: its idle time begins anew.

    Raises:
        SessionEnded: there is no such session any more.
        LoginRefused: the account is not active any more.
        OmeroUnavailable: OMERO does not answer.
    """
    with join(server, key) as session, speaking_to(server.host, doing="keeping a session alive"):
        session.services.keepAlive(None)
