"""Who gets in, how long a session lasts, and what is refused to whom."""

import time
from collections.abc import Callable
from typing import Any

import Glacier2
import Ice
import omero
import pytest

from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import response

HOUR = 3_600_000


def principal(name: str, group: str = "") -> Any:
    made = omero.sys.Principal()
    made.name, made.group, made.eventType = name, group, "User"
    return made


def sudo(client: Any, name: str, group: str = "", live: int = 0, idle: int = HOUR, **context: str) -> Any:
    service = client.getSession().getSessionService()
    return service.createSessionWithTimeouts(principal(name, group), live, idle, context)


def set_idle(client: Any, milliseconds: int, of: Any = None) -> Any:
    key, idle = (of or client).getSessionId(), omero.rtypes.rlong(milliseconds)
    return response(client, client.getSession().submit(omero.cmd.UpdateSessionTimeoutRequest(key, None, idle)))


def times(client: Any) -> tuple[int, int]:
    session = client.getSession().getSessionService().getSession(client.getSessionId())
    return session.timeToLive.val, session.timeToIdle.val


def who(client: Any) -> Any:
    return client.getSession().getAdminService().getEventContext()


@pytest.mark.parametrize("ssl", [True, False], ids=["ssl", "tcp"])
def test_a_password_opens_a_session(connect: Connect, ssl: bool) -> None:
    context = who(connect("alice", ssl=ssl))

    assert (context.userName, context.groupName, context.isAdmin) == ("alice", "lab", False)


@pytest.mark.parametrize(("name", "password"), [("alice", "bob"), ("nobody", "nobody"), ("retired", "retired")])
def test_a_wrong_password_and_an_inactive_user_are_refused(connect: Connect, name: str, password: str) -> None:
    with pytest.raises(Glacier2.PermissionDeniedException, match=name):
        connect(name, password=password)


def test_a_session_begins_in_the_group_asked_for(connect: Connect) -> None:
    assert who(connect("bob", group="teaching")).groupName == "teaching"


def test_a_session_in_a_foreign_group_is_refused(connect: Connect) -> None:
    with pytest.raises(Glacier2.CannotCreateSessionException):
        connect("alice", group="clinic")


def test_a_session_is_joined_by_its_key_only(connect: Connect, join: Callable[..., Any]) -> None:
    key = connect("alice").getSessionId()

    assert who(join(key)).userName == "alice"
    with pytest.raises(Glacier2.PermissionDeniedException):
        connect("alice", password=key)


def test_a_joined_session_may_not_make_another_one(connect: Connect, join: Callable[..., Any]) -> None:
    opened = connect("alice")
    joined = join(opened.getSessionId())

    assert opened.getSession().getSessionService().createUserSession(0, HOUR, "lab").owner.omeName.val == "alice"
    with pytest.raises(omero.SecurityViolation):
        joined.getSession().getSessionService().createUserSession(0, HOUR, "lab")


def test_a_joined_session_may_raise_its_own_idle_time(connect: Connect, join: Callable[..., Any]) -> None:
    client = join(connect("alice").getSessionId())

    assert isinstance(set_idle(client, HOUR), omero.cmd.OK)
    assert times(client) == (0, HOUR)


def test_an_ordinary_user_idles_no_longer_than_the_server_allows(connect: Connect) -> None:
    client = connect("alice")
    set_idle(client, 7 * 24 * HOUR)

    assert times(client) == (0, 6_000_000)
    assert set_idle(client, 0).name == "non-admin-disabling"


def test_a_session_of_somebody_else_is_not_there(connect: Connect) -> None:
    assert set_idle(connect("alice"), HOUR, of=connect("bob")).name == "no-session"


def test_a_sudo_only_account_acts_for_a_user(connect: Connect, join: Callable[..., Any]) -> None:
    made = sudo(connect("courier-service"), "bob", "teaching")
    context = who(join(made.uuid.val))

    assert (context.userName, context.groupName, context.isAdmin) == ("bob", "teaching", False)
    assert context.sudoerName.val == "courier-service"


def test_a_sudo_only_account_holds_no_other_privilege(connect: Connect) -> None:
    context = who(connect("courier-service"))

    assert (context.isAdmin, context.adminPrivileges) == (True, ["Sudo"])


def test_a_sudo_session_for_an_administrator_has_only_the_privileges_of_both(
    connect: Connect, join: Callable[..., Any]
) -> None:
    made = sudo(connect("courier-service"), "root")

    assert who(join(made.uuid.val)).adminPrivileges == ["Sudo"]


def test_ordinary_users_may_not_sudo(connect: Connect) -> None:
    with pytest.raises(omero.SecurityViolation, match="Group sudo"):
        sudo(connect("alice"), "bob")


def test_a_group_leader_may_sudo_within_the_group_only(connect: Connect, join: Callable[..., Any]) -> None:
    leader = connect("dave", group="clinic")
    acting = join(sudo(leader, "carol", "clinic").uuid.val)

    assert who(acting).userName == "carol"
    with pytest.raises(omero.SecurityViolation, match="cannot change context"):
        acting.getSession().getAdminService().getEventContext({"omero.group": "5"})
    with pytest.raises(omero.SecurityViolation, match="Group sudo"):
        sudo(leader, "carol", "teaching")


def test_sudo_for_nobody_is_refused(connect: Connect) -> None:
    with pytest.raises(omero.RemovedSessionException, match="nobody"):
        sudo(connect("courier-service"), "nobody")


def test_agents_find_the_sessions_of_the_same_user_and_sudoer(connect: Connect, join: Callable[..., Any]) -> None:
    service, agent = connect("courier-service"), {"omero.agent": "courier/run/1"}
    first, second = sudo(service, "alice", **agent), sudo(service, "alice", **agent)
    found = join(first.uuid.val).getSession().getSessionService().getMyOpenAgentSessions("courier/run/1")

    assert {session.id.val for session in found} == {first.id.val, second.id.val}
    assert not connect("alice").getSession().getSessionService().getMyOpenAgentSessions("courier/run/1")


def until_raised(kind: Any, call: Callable[[], object], seconds: float = 10) -> None:
    """Ask rarely enough for an idle time to pass."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            call()
        except kind:
            return
    pytest.fail(f"no {kind.__name__} within {seconds} s")


def test_an_idle_session_times_out_once_and_is_gone_then(connect: Connect, join: Callable[..., Any]) -> None:
    key = sudo(connect("courier-service"), "alice", idle=50).uuid.val
    client = join(key)
    admin = client.getSession().getAdminService()

    until_raised(omero.SessionTimeoutException, admin.getEventContext)
    with pytest.raises(omero.RemovedSessionException):
        admin.getEventContext()
    with pytest.raises(Glacier2.PermissionDeniedException):
        join(key)


def test_a_session_lives_no_longer_than_its_live_time_however_busy(connect: Connect, join: Callable[..., Any]) -> None:
    admin = join(sudo(connect("courier-service"), "alice", live=300, idle=0).uuid.val).getSession().getAdminService()

    assert admin.getEventContext().userName == "alice"
    until_raised(omero.SessionTimeoutException, admin.getEventContext)


def test_a_session_ends_with_its_last_client(connect: Connect, join: Callable[..., Any]) -> None:
    client = connect("alice")
    key = client.getSessionId()
    client.closeSession()

    with pytest.raises(Glacier2.PermissionDeniedException):
        join(key)


def test_a_detached_session_outlives_its_clients(connect: Connect, join: Callable[..., Any]) -> None:
    client = connect("alice")
    key = client.getSessionId()
    client.getSession().detachOnDestroy()
    client.closeSession()

    assert who(join(key)).userName == "alice"


def test_a_killed_session_is_over_for_everybody(connect: Connect, join: Callable[..., Any]) -> None:
    client = connect("alice")
    other = join(client.getSessionId())
    admin = other.getSession().getAdminService()
    client.killSession()

    with pytest.raises(Ice.ObjectNotExistException):
        admin.getEventContext()


def test_users_may_not_outstay_the_limits_that_an_administrator_set(connect: Connect, limited: Understudy) -> None:
    service = connect("alice", to=limited).getSession().getSessionService()

    assert service.createUserSession(HOUR, 1000, "lab").timeToLive.val == HOUR
    with pytest.raises(omero.SecurityViolation, match="beyond maximum"):
        service.createUserSession(0, 1000, "lab")
