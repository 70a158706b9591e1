"""The door: OMERO's Glacier2 router, as far as clients talk to it themselves.

Clients log in with name and password, or join a session with its key as both. Ice itself asks the router for
proxies; the answers say "call me directly".
"""

import hashlib
from collections.abc import Callable
from typing import Any

import Glacier2
import Ice
import omero

from deployments.sandbox.understudy.factory import ServiceFactory
from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.rows import Row
from deployments.sandbox.understudy.sessions import Session


class Router:
    """Creates and joins sessions; one client connection holds one."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._held: dict[str, ServiceFactory] = {}
        self._connections: dict[str, tuple[Any, _Closed]] = {}
        """By their names, since they have no hash; with what hears of their end."""

    def admits(self, connection: Any, session: Session) -> bool:
        """Does this connection hold this session? Glacier2 lets it reach nothing else (SessionManagerI: categories)."""
        factory = self._held.get(connection.toString())
        return factory is not None and factory.session is session

    def getClientProxy(self, _current: Any) -> Any:  # noqa: N802
        """Nothing: use the router's own endpoints."""
        return None

    def getServerProxy(self, _current: Any) -> Any:  # noqa: N802
        """Any proxy will do, but there must be one for callbacks to be set up."""
        return self._house.registry.proxy("", "callbacks")

    def addProxies(self, _proxies: Any, _current: Any) -> Any:  # noqa: N802
        """Nothing was evicted."""
        return []

    def getCategoryForClient(self, current: Any) -> Any:  # noqa: N802
        """The category of a client's callback objects."""
        return hashlib.sha256(str(current.con.toString()).encode()).hexdigest()[:20]

    def getSessionTimeout(self, _current: Any) -> Any:  # noqa: N802
        """Seconds."""
        return 600

    def getACMTimeout(self, _current: Any) -> Any:  # noqa: N802
        """Seconds."""
        return 60

    def refreshSession(self, _current: Any) -> None:  # noqa: N802
        """Heartbeats mean nothing here; sessions are refreshed by calls."""

    def createSession(self, user_id: str, password: str, current: Any) -> Any:  # noqa: N802
        """Log in, or join (omero-blitz: PermissionsVerifierI, SessionManagerI)."""
        joined = self._house.sessions.peek(user_id) or self._house.sessions.peek(password)
        if joined and user_id != password:
            raise Glacier2.PermissionDeniedException("username and password must be equal; use joinSession")
        if joined:
            joined.references += 1
            self._house.sessions.use(joined)
        session = joined or self._log_in(user_id, password, current.ctx)
        client = current.ctx.get("omero.client.uuid") or current.con.toString()
        factory = ServiceFactory(self._house, session, client, by_password=joined is None)
        self._hold(current.con, factory)
        return Glacier2.SessionPrx.uncheckedCast(factory.publish())

    def drop_connections(self) -> int:
        """Close the connections of all who are logged in; returns how many."""
        dropped = list(self._connections.values())
        for connection, _ in dropped:
            connection.close(True)
        return len(dropped)

    def _hold(self, connection: Any, factory: ServiceFactory) -> None:
        name = connection.toString()
        self._held[name] = factory
        closed = _Closed(lambda: self._leave(name))
        self._connections[name] = connection, closed
        connection.setCallback(closed)

    def _leave(self, connection: str) -> bool:
        self._connections.pop(connection, None)
        factory = self._held.pop(connection, None)
        if factory is not None:
            factory.leave()
        return factory is not None

    def _log_in(self, name: str, password: str, context: dict[str, str]) -> Session:
        user = self._house.sessions.people.user_named(name)
        if user is None or not self._may_enter(user, name, password):
            raise Glacier2.PermissionDeniedException(f"Password check failed for '{name}': []")
        try:
            return self._house.sessions.create(user, context.get("omero.group"), context.get("omero.agent"))
        except omero.ServerError as refused:
            wrapped = omero.WrappedCreateSessionException()
            wrapped.reason = wrapped.type = refused.message
            wrapped.concurrency = False
            raise wrapped from refused

    def _may_enter(self, user: Row, name: str, password: str) -> bool:
        return self._house.passwords.match(name, password) and self._house.sessions.people.is_active(user)

    def createSessionFromSecureConnection(self, _current: Any) -> Any:  # noqa: N802
        """OMERO does not offer it either."""
        raise Glacier2.PermissionDeniedException("no")

    def destroySession(self, current: Any) -> None:  # noqa: N802
        """Leave: one reference less; the session ends with the last, unless it was detached."""
        if not self._leave(current.con.toString()):
            raise Glacier2.SessionNotExistException


class _Closed(Ice.ConnectionCallback):  # type: ignore[misc]
    """Hears that a connection was closed, by whomever: its client has left."""

    def __init__(self, leave: Callable[[], object]) -> None:
        self._leave = leave

    def closed(self, _connection: Any) -> None:
        self._leave()

    def heartbeat(self, _connection: Any) -> None:
        """Means nothing here."""
