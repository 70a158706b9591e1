"""The OMERO session in which one attempt of a run works: made when first needed, made again when lost."""

import threading
from collections.abc import Callable

from pydantic import SecretStr

from flows.core.errors import CourierError, NotPermitted
from flows.core.names import agent_of
from flows.core.omero_client import Borrowed, OmeroSession, fence, join, sudo
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
        run_id: str,
        attempt: int = 1,
        carried: Callable[[], SecretStr | None] = lambda: None,
        permit: Callable[[], None] = lambda: None,
        deleted: Callable[[tuple[int, ...]], None] = lambda filesets: None,
    ) -> None:
        """Note who is meant.

        Args:
            server: the OMERO server.
            user: login name of the user who will own what is imported.
            group: name of the group to work in; None for the user's default.
            run_id: whose session it is; OMERO shows it, with the attempt, as the session's agent.
            attempt: which of the run's; sessions of earlier ones are ended before anything is done.
            carried: gives the user's own session key, where one came with the import.
            permit: raises when no session may be opened any more, since another attempt has taken over.
            deleted: hears of half-made imports that were deleted, by the ids of their filesets.
        """
        self._server = server
        self._user = user
        self._group = group
        self._run_id = run_id
        self._attempt = attempt
        self._carried = carried
        self._permit = permit
        self._deleted = deleted
        self._fenced = attempt == 1
        self._is_users_own = False
        self._lock = threading.Lock()
        self._session: OmeroSession | None = None
        self.email: str | None = None
        """The address in the user's OMERO profile, as far as that is known."""
        self.met = False
        """Whether a session was opened, so that OMERO has said what address it has, if any."""

    def session(self) -> OmeroSession:
        """Return the session, making it if there is none.

        Raises:
            OmeroUnavailable: OMERO does not answer.
            LoginRefused: the user is unknown or inactive.
            SessionEnded: the carried session is over.
            AttemptSuperseded: this attempt is not the current one any more.
        """
        with self._lock:
            if self._session is None:
                self._permit()
                self._session = self._open()
                self._session.deleted = self._deleted
                self.email, self.met = self._session.email, True
            if not self._fenced:
                fence(self._session, self._run_id, self._attempt)
                self._fenced = True
            return self._session

    def borrow(self) -> Borrowed:
        """Open a further session for one import that another program does, in the very group of this one.

        A session that was made for it ends when it is given back, for whoever got hold of its key.

        Raises:
            OmeroUnavailable: OMERO does not answer.
            LoginRefused: the user is unknown or inactive.
            NotPermitted: the user's own session, which is all there is, works in another group.
        """
        session = self.session()
        if self._is_users_own:
            own = join(self._server, session.key)
            if own.group_id != session.group_id:
                own.close()
                raise NotPermitted(
                    f"OMERO's own importer works in the group of the session, {own.group}, not in {session.group}.",
                    advice=f"Log in to OMERO in the group {session.group}, or import with `importer: native`.",
                )
            return Borrowed(own, own.close)
        own = sudo(self._server, self._user, agent=agent_of(self._run_id, self._attempt), home=session.group)
        return Borrowed(own, own.kill)

    def let_go(self, error: CourierError, session: OmeroSession) -> None:
        """Forget a session that an error shows to be useless, so that the next `session` makes a new one."""
        if not means_lost(error):
            return
        with self._lock:
            if self._session is session:
                self._session = None
                # What OMERO was doing in it may still go on.
                self._fenced = False
        session.close()

    def _open(self) -> OmeroSession:
        if (key := self._carried()) is not None:
            self._is_users_own = True
            return join(self._server, key, group=self._group)
        return sudo(self._server, self._user, group=self._group, agent=agent_of(self._run_id, self._attempt))

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
