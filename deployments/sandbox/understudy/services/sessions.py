"""ISession: sessions for oneself and for others, their times and their end."""

from typing import Any

import omero
import omero.model
from omero.rtypes import rlong, rstring, rtime

from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Row
from deployments.sandbox.understudy.sessions import Session, Times


class SessionOperations(SessionService):
    """Source: omero-server SessionBean."""

    by_password = False
    """Was this connection opened with a password?"""

    def createSessionWithTimeouts(self, principal: Any, live: int, idle: int, current: Any) -> Any:  # noqa: N802
        """Sudo: a session for somebody else."""
        agent = current.ctx.get("omero.agent") or "OMERO.sudo"
        made = self.house.sessions.sudo(self.session, principal.name, principal.group, Times(live, idle), agent)
        return self._describe(made)

    def createSessionWithTimeout(self, principal: Any, live: int, current: Any) -> Any:  # noqa: N802
        """Sudo without an idle limit."""
        return self.createSessionWithTimeouts(principal, live, 0, current)

    def createUserSession(self, live: int, idle: int, group: str, current: Any) -> Any:  # noqa: N802
        """Another session of one's own; refused to who joined by key (`@RolesAllowed HasPassword`)."""
        if not self.by_password:
            message = (
                "Bad authorization credentials for this action: this session was joined, not opened by a password."
            )
            raise refusal(omero.SecurityViolation, message)
        agent = current.ctx.get("omero.agent") or "createSession"
        made = self.house.sessions.again(self.session, group, Times(live, idle), agent)
        return self._describe(made)

    def getSession(self, key: str, _current: Any) -> Any:  # noqa: N802
        """The session with this key."""
        return self._describe(self._find(key))

    def getReferenceCount(self, key: str, _current: Any) -> Any:  # noqa: N802
        """How many hold it."""
        return self._find(key).references

    def closeSession(self, session: Any, _current: Any) -> Any:  # noqa: N802
        """One reference less: the number left, -2 when it ended, -1 when there is none."""
        found = self.house.sessions.peek(session.getUuid().val)
        return self.house.sessions.release(found) if found else -1

    def getMyOpenSessions(self, _current: Any) -> Any:  # noqa: N802
        """The user's sessions that this one may see."""
        return [self._describe(session) for session in self.house.sessions.like(self.session)]

    def getMyOpenAgentSessions(self, agent: str, _current: Any) -> Any:  # noqa: N802
        """Those of one agent; made by the same sudoer, or by none."""
        return [self._describe(session) for session in self.house.sessions.like(self.session, (agent,))]

    def getMyOpenClientSessions(self, _current: Any) -> Any:  # noqa: N802
        """Those of OMERO's own clients."""
        agents = ("OMERO.insight", "OMERO.web", "OMERO.importer")
        return [self._describe(session) for session in self.house.sessions.like(self.session, agents)]

    def _find(self, key: str) -> Session:
        found = self.house.sessions.peek(key)
        if found is None:
            raise refusal(omero.RemovedSessionException, "No context for that session.")
        return found

    @staticmethod
    def _describe(session: Session) -> Any:
        described = omero.model.SessionI(session.session_id, True)
        described.unloadCollections()
        described.uuid = rstring(session.uuid)
        described.timeToLive, described.timeToIdle = rlong(session.times.live), rlong(session.times.idle)
        described.started = rtime(int(session.started * 1000))
        described.userAgent = rstring(session.agent) if session.agent else None
        described.message, described.defaultEventType = rstring(""), rstring("User")
        described.owner, described.sudoer = _person(session.user), _person(session.sudoer)
        described.details.owner = _person(session.user)
        described.details.group = omero.model.ExperimenterGroupI(session.group_id, False)
        return described


def _person(row: Row | None) -> Any:
    if row is None:
        return None
    person = omero.model.ExperimenterI(row.id, True)
    person.unloadCollections()
    person.omeName = rstring(str(row.get("omeName")))
    person.firstName, person.lastName = rstring(str(row.get("firstName"))), rstring(str(row.get("lastName")))
    return person
