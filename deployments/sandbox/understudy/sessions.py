"""Sessions: made by a password or by a sudoer, joined by their key, ended by time, by closing or by forgetting.

They live in memory only, as OMERO's do for everything that matters: after a restart no key is known.
Source: omero-server SessionManagerImpl, SessionCache, SessionBean.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import omero

from deployments.sandbox.understudy.access import ALL_GROUPS, PRIVILEGES, SYSTEM_GROUP, USER_GROUP, Caller, Role
from deployments.sandbox.understudy.access import Right, granted
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row


@dataclass
class Session:
    """One session; its uuid is its key, a bearer token."""

    session_id: int
    uuid: str = field(repr=False)
    user: Row
    group_id: int
    time_to_live: int
    """Milliseconds; 0 is for ever."""
    time_to_idle: int
    """Milliseconds; 0 is for ever."""
    agent: str | None
    sudoer: Row | None = None
    references: int = 0
    started: float = field(default_factory=time.time)
    touched: float = field(default_factory=time.time)

    @property
    def owner_id(self) -> int:
        """The user it acts as."""
        return self.user.id


class Sessions:
    """All sessions that are alive."""

    def __init__(self, database: Database, idle: int, live: int, max_live: int, max_idle: int) -> None:
        self._database = database
        self._idle, self._live = idle, live
        self._max_live, self._max_idle = max_live, max_idle
        self._lock = threading.RLock()
        self._alive: dict[str, Session] = {}
        self.on_end: Callable[[Session], None] = lambda _: None
        """Called when a session was ended, by whomever, except by time."""

    # Making

    def create(self, user: Row, group: str | None, agent: str | None) -> Session:
        """A session that a password opened, with the server's time-outs."""
        return self._add(user, self._group_named(user, group), self._live, self._idle, agent, None)

    def sudo(self, caller: Session, user_name: str, group: str | None, times: tuple[int, int], agent: str) -> Session:
        """A session for somebody else: needs the Sudo privilege, or leadership of the group.

        Times are taken as given: milliseconds to live, milliseconds to idle.
        """
        context = self.context(caller)
        user = self.user_named(user_name)
        if user is None:
            raise refusal(omero.RemovedSessionException, f"Cannot find a user with name {user_name}")
        group_id = self._group_named(user, group)
        if "Sudo" not in context.privileges and group_id not in context.leader_of:
            message = f"Group sudo is not permitted for group {group} (gid={group_id})"
            raise refusal(omero.SecurityViolation, message)
        if "Sudo" not in context.privileges:
            raise refusal(omero.SecurityViolation, "Sudo of group leaders is not modelled by the understudy.")
        return self._add(user, group_id, *times, agent, caller.sudoer or caller.user)

    def again(self, session: Session, group: str | None, times: tuple[int, int], agent: str) -> Session:
        """Another session of the same user (createUserSession)."""
        self._check_limits(*times)
        return self._add(session.user, self._group_named(session.user, group), *times, agent, session.sudoer)

    def _add(self, user: Row, group: int, live: int, idle: int, agent: str | None, sudoer: Row | None) -> Session:
        made = Session(self._database.next_id("Session"), str(uuid.uuid4()), user, group, live, idle, agent, sudoer)
        self.context(made)
        with self._lock:
            self._alive[made.uuid] = made
        return made

    def set_times(self, session: Session, live: int | None, idle: int | None) -> None:
        """Change time-outs, within the server's limits (updateSession)."""
        self._check_limits(live, idle)
        session.time_to_live = session.time_to_live if live is None else live
        session.time_to_idle = session.time_to_idle if idle is None else idle

    def _check_limits(self, live: int | None, idle: int | None) -> None:
        """The maximum live time guards both, so with OMERO's defaults nothing is limited."""
        if not self._max_live:
            return
        if live is not None and (live == 0 or live > self._max_live):
            message = f"Cannot modify timeToLive beyond maximum: {self._max_live}"
            raise refusal(omero.SecurityViolation, message)
        if idle is not None and (idle == 0 or idle > self._max_idle):
            message = f"Cannot modify timeToIdle beyond maximum: {self._max_idle}"
            raise refusal(omero.SecurityViolation, message)

    # Finding

    def peek(self, key: str) -> Session | None:
        """The session of a key, if it lives; does not count as a use."""
        session = self._alive.get(key)
        return None if session is None or self._expired(session) else session

    def use(self, session: Session) -> None:
        """A call on the session: refreshes it.

        Raises:
            omero.SessionTimeoutException: it was too long idle, or too old; said once.
            omero.RemovedSessionException: it has ended.
        """
        with self._lock:
            if session.uuid not in self._alive:
                raise refusal(omero.RemovedSessionException, "No context for the session of this call.")
            reason = self._expired(session)
            if reason:
                del self._alive[session.uuid]
                raise refusal(omero.SessionTimeoutException, f"Session (id={session.session_id}) expired: {reason}")
            session.touched = time.time()

    @staticmethod
    def _expired(session: Session) -> str:
        now = time.time()
        if session.time_to_live and (now - session.started) * 1000 > session.time_to_live:
            return "timeToLive"
        if session.time_to_idle and (now - session.touched) * 1000 > session.time_to_idle:
            return "timeToIdle"
        return ""

    def like(self, session: Session, agents: tuple[str, ...] = ()) -> list[Session]:
        """The sessions of the same user, made by the same sudoer or by none, newest first."""
        reads_all = "ReadSession" in self.context(session).privileges
        sudoer = session.sudoer and session.sudoer.id
        found = [
            other
            for other in list(self._alive.values())
            if other.owner_id == session.owner_id
            and (reads_all or (other.sudoer and other.sudoer.id) == sudoer)
            and (not agents or other.agent in agents)
            and not self._expired(other)
        ]
        return sorted(found, key=lambda other: other.session_id, reverse=True)

    # Ending

    def release(self, session: Session) -> int:
        """One reference less: the number left, or -2 when that ended the session."""
        with self._lock:
            session.references -= 1
            if session.references >= 1:
                return session.references
        self.end(session)
        return -2

    def end(self, session: Session) -> None:
        """Over, for everybody who uses it."""
        with self._lock:
            ended = self._alive.pop(session.uuid, None)
        if ended:
            self.on_end(ended)

    def forget_all(self) -> int:
        """What a restart does to sessions; returns how many there were."""
        with self._lock:
            alive = list(self._alive.values())
        for session in alive:
            self.end(session)
        return len(alive)

    def count(self) -> int:
        """How many are alive, expired ones that nobody asked for included."""
        return len(self._alive)

    # Who is who

    def user_named(self, name: str) -> Row | None:
        """The Experimenter with this login."""
        return next((row for row in self._database.table("Experimenter") if row.get("omeName") == name), None)

    def memberships(self, user: Row) -> list[Row]:
        """GroupExperimenterMap rows, in order; the first is the default group."""
        return self._database.pointing_at(user.ref, "GroupExperimenterMap", "child")

    def groups_of(self, user: Row) -> list[int]:
        """The ids of the groups of a user, in order."""
        parents = [row.get("parent") for row in self.memberships(user)]
        return [parent.id for parent in parents if isinstance(parent, Ref)]

    def is_active(self, user: Row) -> bool:
        """Inactive users have left the group `user`."""
        return USER_GROUP in self.groups_of(user)

    def _group_named(self, user: Row, name: str | None) -> int:
        """A group's id by its name or id; nothing given, or `user`, is the user's default group."""
        if not name or name == "user":
            group = next((group for group in self.groups_of(user) if group != USER_GROUP), None)
            if group is None:
                raise refusal(omero.ApiUsageException, f"Can't find default group for {user.get('omeName')}")
            return group
        for row in self._database.table("ExperimenterGroup"):
            if row.get("name") == name or str(row.id) == name:
                return row.id
        raise refusal(omero.AuthenticationException, f"Error creating session. No such group: {name}")

    def context(self, session: Session, asked_group: int | None = None) -> Caller:
        """The event context of a call on a session, in the group asked for.

        Raises:
            omero.SecurityViolation: not a member of that group.
        """
        user, sudoer = session.user, session.sudoer
        groups = tuple(self.groups_of(user))
        group_id = session.group_id if asked_group is None else asked_group
        is_admin = SYSTEM_GROUP in groups
        if group_id != ALL_GROUPS and not is_admin and group_id not in groups:
            self._refuse_unless_public(user, group_id)
        leads = [row for row in self.memberships(user) if row.get("owner")]
        parents = [row.get("parent") for row in leads]
        privileges = self._privileges(user) & (self._privileges(sudoer) if sudoer else frozenset(PRIVILEGES))
        return Caller(
            session_id=session.session_id,
            session_uuid=session.uuid,
            user_id=user.id,
            user_name=str(user.get("omeName")),
            sudoer_id=sudoer.id if sudoer else None,
            sudoer_name=str(sudoer.get("omeName")) if sudoer else None,
            group_id=group_id,
            is_admin=is_admin,
            privileges=privileges,
            member_of=groups,
            leader_of=tuple(parent.id for parent in parents if isinstance(parent, Ref)),
        )

    def _refuse_unless_public(self, user: Row, group_id: int) -> None:
        group = self._database.get(Ref("ExperimenterGroup", group_id))
        if group is None or not granted(str(group.marks["permissions"]), Role.WORLD, Right.READ):
            message = f"User {user.id} is not a member of group {group_id} and cannot login"
            raise refusal(omero.SecurityViolation, message)

    def _privileges(self, user: Row) -> frozenset[str]:
        if SYSTEM_GROUP not in self.groups_of(user):
            return frozenset()
        held = user.marks.get("privileges", ())
        return frozenset(name for name, _ in held) if isinstance(held, tuple) else frozenset()
