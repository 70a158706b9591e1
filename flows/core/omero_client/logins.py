"""Opens OMERO sessions: by password, by the key of a living one, or for a user through a service account.

Every connection made here has time-outs on connecting and on each call: omero-py sets none.
"""

from typing import Any

import Ice
import omero
import omero.clients
import omero.sys
from omero.rtypes import rlong
from pydantic import SecretStr

from flows.core.errors import AccountRefused, CourierError, LoginRefused, NotPermitted, SessionEnded
from flows.core.omero_client.commands import run_command
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.session import OmeroSession, drop, groups_of
from flows.core.settings import OmeroServer, ServiceAccount

ACTIVE = "user"
"""The group that every active account is in (omero-server: Roles)."""
AGENT = "omero-courier"
"""What OMERO shows as a session's agent where nothing more exact is given."""
MOST_FOR_CONNECTING = 0.8
"""Of the time of a call, what the connection that it waits for may take."""
SHIPPED_IDLE_LIMIT = 6000
"""Seconds: what OMERO's shipped settings let users set as idle time of their own sessions."""


def log_in(
    server: OmeroServer, user: str, password: SecretStr, *, group: str | None = None, agent: str = AGENT
) -> OmeroSession:
    """Open a session with a password. It ends when its last holder leaves it.

    Raises:
        LoginRefused: wrong user or password.
        NotPermitted: the user is not in that group.
        OmeroUnavailable: OMERO does not answer.
    """
    if not (user and password.get_secret_value()):
        raise LoginRefused("OMERO wants a user name and a password.")
    return _open(server, user, password.get_secret_value(), group=group, agent=agent, detached=False)


def join(server: OmeroServer, key: SecretStr, *, group: str | None = None, agent: str = AGENT) -> OmeroSession:
    """Join a living session by its key. It goes on when this holder leaves it.

    Raises:
        SessionEnded: there is no such session any more.
        LoginRefused: the account is not active any more.
        NotPermitted: the user is not in that group.
        OmeroUnavailable: OMERO does not answer.
    """
    uuid = key.get_secret_value()
    try:
        session = _open(server, uuid, uuid, group=group, agent=agent, detached=True)
    except LoginRefused as refused:
        # OMERO gives the same answer as to a wrong password (omero-blitz: PermissionsVerifierI).
        raise SessionEnded("This OMERO session has ended, or never was.") from refused
    if ACTIVE not in session.groups:
        # Disabling an account ends none of its sessions.
        session.close()
        raise _inactive(server, session.user)
    return session


def make_long_session(
    server: OmeroServer, user: str, password: SecretStr, *, idle_seconds: float, group: str | None = None
) -> OmeroSession:
    """Make a session that may idle for long, by a password that is then forgotten.

    It is made in the very connection that the password opened: OMERO refuses it to joined sessions
    (omero-server: SessionBean.createUserSession, HasPassword). The password's own session ends.

    Raises:
        LoginRefused: wrong user or password.
        NotPermitted: OMERO's administrator allows shorter ones only, or the user is not in that group.
        OmeroUnavailable: OMERO does not answer.
    """
    doing = "making a session that lasts"
    with log_in(server, user, password, group=group) as first, speaking_to(server.host, doing=doing):
        service = first.services.getSessionService()
        made = service.createUserSession(0, int(idle_seconds * 1000), first.group, {"omero.agent": AGENT})
    return join(server, SecretStr(made.uuid.val), group=group)


def sudo(
    server: OmeroServer,
    user: str,
    *,
    group: str | None = None,
    idle_seconds: float = 3600,
    agent: str = AGENT,
    home: str = "",
) -> OmeroSession:
    """Open a session for a user through the server's service account, which leaves at once.

    `home` is the name of the group in which whoever else joins it works; left out, the user's default.

    Raises:
        LoginRefused: there is no such user, or the account is inactive.
        AccountRefused: OMERO does not let the service account in, whose password changed for example.
        NotPermitted: the service account may not do that, or the user is not in that group.
        OmeroUnavailable: OMERO does not answer.
    """
    if (account := server.service_account) is None:
        raise NotPermitted(
            f"The courier has no service account at {server.host}.",
            advice="Ask the operator to configure one, or import with a session of your own.",
        )
    with log_in_itself(server, account) as service:
        _check_active(service, user)
        key = _key_for(service, user, idle_seconds, agent, home)
    return join(server, key, group=group, agent=agent)


def log_in_itself(server: OmeroServer, account: ServiceAccount) -> OmeroSession:
    """Open a session of the courier's own account.

    That it is refused says nothing of the users who are waiting: they wait until the operator has put it right.

    Raises:
        AccountRefused: wrong user or password.
        OmeroUnavailable: OMERO does not answer.
    """
    try:
        return log_in(server, account.user, account.password)
    except LoginRefused as refused:
        raise AccountRefused(f"OMERO at {server.host} refuses the courier's own account, {account.user}.") from refused


def _check_active(service: OmeroSession, user: str) -> None:
    host = service.server.host
    with speaking_to(host, doing=f"looking up {user}"):
        try:
            person = service.services.getAdminService().lookupExperimenter(user)
        except omero.ApiUsageException as unknown:
            raise LoginRefused(f"There is no OMERO user {user!r} at {host}.") from unknown
    if ACTIVE not in groups_of(person):
        raise _inactive(service.server, user)


def _inactive(server: OmeroServer, user: str) -> LoginRefused:
    return LoginRefused(f"The OMERO account of {user} at {server.host} is not active.")


def _key_for(service: OmeroSession, user: str, idle_seconds: float, agent: str, home: str) -> SecretStr:
    """Have OMERO make the session; it takes the time-outs as they are (omero-server: SessionBean)."""
    who = omero.sys.Principal(name=user, group=home, eventType="User")
    with speaking_to(service.server.host, doing=f"opening a session for {user}"):
        sessions = service.services.getSessionService()
        made = sessions.createSessionWithTimeouts(who, 0, int(idle_seconds * 1000), {"omero.agent": agent})
        return SecretStr(made.uuid.val)


def raise_idle(session: OmeroSession, seconds: float) -> float:
    """Let one's own session idle for longer, never for less, and return how long that now is; 0 is without end.

    OMERO cuts what is asked here at 100 minutes as shipped, and cuts longer sessions down to that
    (omero-blitz: UpdateSessionTimeoutRequestI, omero.sessions.max_user_time_to_idle): those are left alone.

    Raises:
        SessionLost: it has ended.
        OmeroUnavailable: OMERO does not answer.
    """
    idle = _idle_seconds(session)
    if idle == 0 or idle >= min(seconds, SHIPPED_IDLE_LIMIT):
        return idle
    request = omero.cmd.UpdateSessionTimeoutRequest(session.key.get_secret_value(), None, rlong(int(seconds * 1000)))
    run_command(session, request, doing="raising the idle time of the session")
    return _idle_seconds(session)


def _idle_seconds(session: OmeroSession) -> float:
    with speaking_to(session.server.host, doing="asking how long the session may idle"):
        held = session.services.getSessionService().getSession(session.key.get_secret_value())
        return float(held.timeToIdle.val) / 1000


def ping(server: OmeroServer) -> None:
    """See whether OMERO's router answers; nobody logs in.

    Raises:
        OmeroUnavailable: it does not.
    """
    with speaking_to(server.host, doing="looking whether it is there"):
        communicator = Ice.initialize(_anonymous(server))
        try:
            router = f'OMERO.Glacier2/router:ssl -h "{server.host}" -p {server.port}'
            communicator.stringToProxy(router).ice_ping()
        finally:
            communicator.destroy()


def _anonymous(server: OmeroServer) -> Any:
    start = Ice.InitializationData()
    start.properties = Ice.createProperties()
    for name, value in {
        **timeouts(server),
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.VerifyPeer": "0",
        "Ice.RetryIntervals": "-1",
    }.items():
        start.properties.setProperty(name, value)
    return start


def timeouts(server: OmeroServer) -> dict[str, str]:
    """Return when Ice gives up; never a connection and the call that waits for it at the same moment.

    Ice 3.6 may end the whole process when it is closed just then (a mutex of the connection is gone: one time in some
    hundred, on a busy machine).
    """
    connecting = min(server.connect_timeout, MOST_FOR_CONNECTING * server.call_timeout)
    return {
        "Ice.Override.ConnectTimeout": str(int(connecting * 1000)),
        "Ice.Default.InvocationTimeout": str(int(server.call_timeout * 1000)),
    }


def _open(
    server: OmeroServer, user: str, password: str, *, group: str | None, agent: str, detached: bool
) -> OmeroSession:
    with speaking_to(server.host, doing="logging in"):
        client = omero.client(host=server.host, port=server.port, pmap=timeouts(server))
        client.setAgent(agent)
        try:
            client.createSession(user, password)
            return OmeroSession(server, client, group=group, detached=detached)
        except (CourierError, Ice.Exception, omero.ClientError):
            drop(client)
            raise
