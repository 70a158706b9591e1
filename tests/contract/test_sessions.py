"""What an OMERO does for us with sessions."""

import socket

import omero as omero_py
import pytest
from omero.rtypes import unwrap
from pydantic import SecretStr

from flows.core.errors import AccountRefused, LoginRefused, NotPermitted, OmeroUnavailable, SessionLost
from flows.core.omero_client import join, log_in, make_long_session, ping, raise_idle, resolve_target, sudo
from flows.core.omero_client.logins import SHIPPED_IDLE_LIMIT
from flows.core.requests import Target

pytestmark = pytest.mark.contract


def test_a_password_opens_a_session_that_knows_whose_it_is(omero, session):
    assert session.user == omero.user
    assert session.group in session.groups
    assert session.sudoer is None


def test_a_session_does_not_show_its_key(session):
    assert session.key.get_secret_value() not in f"{session!r} {session.key} {vars(session)['key']!r}"


@pytest.mark.parametrize(("user", "password"), [(None, "wrong"), ("nobody-of-that-name", "x"), (None, ""), ("", "x")])
def test_a_wrong_login_is_refused_without_repeating_the_password(omero, user, password):
    with pytest.raises(LoginRefused) as refused:
        log_in(omero.server, omero.user if user is None else user, SecretStr(password))

    assert not password or f"{password!r}" not in str(refused.value)


def test_a_session_can_be_joined_and_goes_on_when_it_is_left(omero, session):
    for _ in range(2):
        with join(omero.server, session.key) as joined:
            assert joined.user == omero.user

    assert session.rows("select e.id from Experimenter e where e.id = :id", id=session.user_id)


def test_a_session_of_a_password_ends_when_the_last_holder_leaves(omero):
    with log_in(omero.server, omero.user, omero.password) as session:
        key = session.key

    with pytest.raises(LoginRefused, match="has ended"):
        join(omero.server, key)


def test_a_killed_session_ends_for_everybody(omero, session):
    join(omero.server, session.key).kill()

    with pytest.raises(SessionLost):
        resolve_target(session, Target.parse("Dataset:name:x"), make=False)
    with pytest.raises(LoginRefused):
        join(omero.server, session.key)


def test_leaving_or_killing_what_has_ended_is_no_failure(omero, session):
    other = join(omero.server, session.key)
    session.kill()
    other.kill()
    session.close()


def test_a_long_session_lives_on_without_any_connection(omero):
    with make_long_session(omero.server, omero.user, omero.password, idle_seconds=7200) as made:
        key = made.key

    again = join(omero.server, key)
    held = again.services.getSessionService().getSession(key.get_secret_value())
    again.kill()
    assert (unwrap(held.timeToIdle), unwrap(held.timeToLive)) == (7_200_000, 0)


def test_a_joined_session_may_not_make_a_long_one(omero, session):
    with join(omero.server, session.key) as joined, pytest.raises(omero_py.SecurityViolation):
        joined.services.getSessionService().createUserSession(0, 7_200_000, joined.group)


def test_the_idle_time_of_ones_own_session_can_be_raised(omero):
    with (
        make_long_session(omero.server, omero.user, omero.password, idle_seconds=700) as made,
        join(omero.server, made.key) as session,
    ):
        raised = raise_idle(session, 1200)
        made.kill()

    assert raised == 1200


def test_the_idle_time_of_a_session_is_never_lowered(omero):
    with make_long_session(omero.server, omero.user, omero.password, idle_seconds=2 * SHIPPED_IDLE_LIMIT) as made:
        kept = [raise_idle(made, 60), raise_idle(made, 3 * SHIPPED_IDLE_LIMIT)]
        made.kill()

    assert kept == [2 * SHIPPED_IDLE_LIMIT] * 2


def test_a_group_is_chosen_by_name_or_id(omero, session):
    for group in (session.group, str(session.group_id)):
        with join(omero.server, session.key, group=group) as chosen:
            assert (chosen.group, chosen.group_id) == (session.group, session.group_id)


@pytest.mark.parametrize("group", ["no-such-group-of-ours", "987654321"])
def test_a_group_of_others_is_refused(omero, group):
    with pytest.raises(NotPermitted, match=group):
        log_in(omero.server, omero.user, omero.password, group=group)


@pytest.fixture
def with_service_account(omero):
    """Only where a service account is known."""
    if omero.server.service_account is None:
        pytest.skip("OMERO_TEST_SERVICE_USER is not set")
    return omero


def test_the_service_account_opens_a_session_for_a_user(with_service_account):
    server, user = with_service_account.server, with_service_account.user
    session = sudo(server, user, idle_seconds=900, agent="omero-courier/run/1")
    held = session.services.getSessionService().getSession(session.key.get_secret_value())
    session.kill()

    assert (session.user, session.sudoer) == (user, server.service_account.user)
    assert (unwrap(held.timeToIdle), unwrap(held.userAgent)) == (900_000, "omero-courier/run/1")


def test_the_service_account_opens_no_session_for_a_stranger(with_service_account):
    with pytest.raises(LoginRefused, match="no OMERO user 'nobody-of-that-name'"):
        sudo(with_service_account.server, "nobody-of-that-name")


def test_a_service_account_that_is_refused_says_nothing_of_the_user(omero):
    account = {"user": omero.user, "password": "changed since"}
    server = omero.server.model_validate(omero.server.model_dump() | {"service_account": account})

    with pytest.raises(AccountRefused, match=f"the courier's own account, {omero.user}") as refused:
        sudo(server, omero.user)
    assert refused.value.transient
    assert "changed since" not in str(refused.value)


def test_without_a_service_account_nobody_can_be_acted_for(omero):
    server = omero.server.model_copy(update={"service_account": None})

    with pytest.raises(NotPermitted, match="no service account"):
        sudo(server, omero.user)


def test_an_account_without_the_privilege_may_not_act_for_others(omero):
    account = {"user": omero.user, "password": omero.password}
    server = omero.server.model_validate(omero.server.model_dump() | {"service_account": account})

    with pytest.raises(NotPermitted):
        sudo(server, "root")


def test_a_server_that_is_there_answers_a_ping(omero):
    ping(omero.server)


def test_a_server_that_is_not_there_is_unavailable(omero):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = omero.server.model_copy(update={"host": "127.0.0.1", "port": free.getsockname()[1]})

    with pytest.raises(OmeroUnavailable):
        ping(nowhere)
    with pytest.raises(OmeroUnavailable):
        log_in(nowhere, omero.user, omero.password)
