"""The OMERO session in which one attempt of a run works: made when first needed, made again when lost."""

import threading
from collections.abc import Callable

from pydantic import SecretStr

from flows.core.errors import CourierError
from flows.core.omero_client import OmeroSession, join, sudo
from flows.core.omero_client.faults import means_lost
from flows.core.settings import OmeroServer


class Account:
    """Holds one session for one user in one group; safe to ask from several threads."""

    def __init__(
        self,
        server: OmeroServer,
        *,
        user: str,
        group: str | None,
        agent: str,
        carried: Callable[[], SecretStr | None] = lambda: None,
    ) -> None:
        """Note who is meant.

        Args:
            server: the OMERO server.
            user: login name of the user who will own what is imported.
            group: name of the group to work in; None for the user's default.
            agent: what OMERO shows as the session's agent.
            carried: gives the user's own session key, where one came with the import.
        """
        self._server = server
        self._user = user
        self._group = group
        self._agent = agent
        self._carried = carried
        self._is_users_own = False
        self._lock = threading.Lock()
        self._session: OmeroSession | None = None
        self.email: str | None = None
        """The address in the user's OMERO profile, once a session was opened."""

    def session(self) -> OmeroSession:
        """Return the session, making it if there is none.

        Raises:
            OmeroUnavailable: OMERO does not answer.
            LoginRefused: the user is unknown or inactive, or the carried session has ended.
        """
        with self._lock:
            if self._session is None:
                self._session = self._open()
                self.email = self._session.email
            return self._session

    def let_go(self, error: CourierError, session: OmeroSession) -> None:
        """Forget a session that an error shows to be useless, so that the next `session` makes a new one."""
        if not means_lost(error):
            return
        with self._lock:
            if self._session is session:
                self._session = None
        session.close()

    def _open(self) -> OmeroSession:
        if (key := self._carried()) is not None:
            self._is_users_own = True
            return join(self._server, key, group=self._group)
        return sudo(self._server, self._user, group=self._group, agent=self._agent)

    def close(self) -> None:
        """End the session that was made here; leave alone one that is the user's own."""
        with self._lock:
            session, self._session = self._session, None
        if session is None:
            return
        if self._is_users_own:
            session.close()
        else:
            session.kill()
