"""Sessions: made by a password or by a sudoer, joined by their key, ended by time, by closing or by forgetting.

They live in memory only, as OMERO's do for everything that matters: after a restart no key is known.
Source: omero-server SessionManagerImpl, SessionCache, SessionBean.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import omero

from deployments.sandbox.understudy.access import ALL_GROUPS, PRIVILEGES, SYSTEM_GROUP, Caller
from deployments.sandbox.understudy.people import People
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Row

GRACE_SECONDS = 60
"""How long a session that timed out can still say so."""


@dataclass(frozen=True)
class Times:
    """How long a session may live and be idle; milliseconds, 0 is for ever."""

    live: int = 0
    idle: int = 600_000


@dataclass
class Session:
    """One session; its uuid is its key, a bearer token."""

    session_id: int
    user: Row
    group_id: int
    times: Times
    agent: str | None
    sudoer: Row | None = None
    bound_to_group: bool = False
    """Made by a group's leader: it cannot leave the group."""
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False)
    references: int = 1
    busy: int = 0
    """Imports being processed: they keep it from idling."""
    started: float = field(default_factory=time.time)
    touched: float = field(default_factory=time.time)
    expiry_told: bool = False

    def expiry(self) -> str:
        """Why it is over by now; empty when it is not."""
        now = time.time()
        if self.times.live and (now - self.started) * 1000 > self.times.live:
            return "timeToLive"
        if self.times.idle and not self.busy and (now - self.touched) * 1000 > self.times.idle:
            return "timeToIdle"
        return ""


class Sessions:
    """All sessions that are alive."""

    def __init__(self, people: People, defaults: Times, limits: Times) -> None:
        self.people = people
        self._defaults, self._limits = defaults, limits
        self._lock = threading.RLock()
        self._alive: dict[str, Session] = {}
        self._last_id = int(time.time() * 1000)
        self.on_end: Callable[[Session], None] = lambda _: None
        """Called when a session was ended, by whomever, except by time."""

    # Making

    def create(self, user: Row, group: str | None, agent: str | None) -> Session:
        """A session that a password opened, with the server's time-outs."""
        return self._add(Session(self._next_id(), user, self.people.group_named(user, group), self._defaults, agent))

    def sudo(self, caller: Session, user_name: str, group: str | None, times: Times, agent: str) -> Session:
        """A session for somebody else: needs the Sudo privilege, or leadership of the group.

        Times are taken as given.

        Raises:
            omero.SecurityViolation: the caller may not.
            omero.RemovedSessionException: there is no such user.
        """
        context = self.context(caller)
        user = self.people.user_named(user_name)
        if user is None:
            raise refusal(omero.RemovedSessionException, f"Cannot find a user with name {user_name}")
        group_id = self.people.group_named(user, group)
        may_sudo = "Sudo" in context.privileges
        if not may_sudo and group_id not in context.leader_of:
            message = f"Group sudo is not permitted for group {group} (gid={group_id})"
            raise refusal(omero.SecurityViolation, message)
        sudoer = caller.sudoer or caller.user
        return self._add(Session(self._next_id(), user, group_id, times, agent, sudoer, not may_sudo))

    def again(self, session: Session, group: str | None, times: Times, agent: str) -> Session:
        """Another session of the same user (createUserSession)."""
        self._check_limits(times.live, times.idle)
        group_id = self.people.group_named(session.user, group)
        return self._add(Session(self._next_id(), session.user, group_id, times, agent, session.sudoer))

    def _next_id(self) -> int:
        """Also after a restart another one: events keep the ids of their sessions."""
        with self._lock:
            self._last_id += 1
            return self._last_id

    def _add(self, made: Session) -> Session:
        self.context(made)
        self._clear_away()
        with self._lock:
            self._alive[made.uuid] = made
        return made

    def set_times(self, session: Session, asked: Mapping[str, int], *, by_admin: bool) -> None:
        """Change `live` or `idle` of a session; others than administrators are held to the limits, silently.

        Raises:
            ValueError: an administrator's privilege: no limit at all.
        """
        for name, value in asked.items():
            current, limit = getattr(session.times, name), getattr(self._limits, name)
            allowed = value
            if not by_admin:
                if value <= 0 and value != current:
                    raise ValueError(name)
                allowed = value if name == "live" and not limit else min(value, limit)
            session.times = replace(session.times, **{name: allowed})

    def _check_limits(self, live: int | None, idle: int | None) -> None:
        """OMERO's maximum live time guards both, so with its defaults nothing is limited."""
        if not self._limits.live:
            return
        for name, asked, limit in (("Live", live, self._limits.live), ("Idle", idle, self._limits.idle)):
            if asked is not None and (asked == 0 or asked > limit):
                raise refusal(omero.SecurityViolation, f"Cannot modify timeTo{name} beyond maximum: {limit}")

    # Finding

    def peek(self, key: str) -> Session | None:
        """The session of a key, if it lives; does not count as a use."""
        session = self._alive.get(key)
        return None if session is None or session.expiry() else session

    def use(self, session: Session) -> None:
        """A call on the session: refreshes it.

        Raises:
            omero.SessionTimeoutException: it was too long idle, or too old; said once.
            omero.RemovedSessionException: it has ended.
        """
        with self._lock:
            if session.uuid not in self._alive:
                raise refusal(omero.RemovedSessionException, "No context for the session of this call.")
            reason = session.expiry()
            if reason and session.expiry_told:
                raise refusal(omero.RemovedSessionException, "No context for the session of this call.")
            if reason:
                session.expiry_told = True
                raise refusal(omero.SessionTimeoutException, f"Session (id={session.session_id}) expired: {reason}")
            session.touched = time.time()

    def like(self, session: Session, agents: tuple[str, ...] = ()) -> list[Session]:
        """The sessions of the same user, made by the same sudoer or by none, newest first."""
        reads_all = "ReadSession" in self.context(session).privileges
        sudoer = session.sudoer and session.sudoer.id
        found = [
            other
            for other in list(self._alive.values())
            if other.user.id == session.user.id
            and (reads_all or (other.sudoer and other.sudoer.id) == sudoer)
            and (not agents or other.agent in agents)
            and not other.expiry()
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

    def _clear_away(self) -> None:
        """End what timed out a while ago, so that nothing piles up; nobody is told."""
        long_ago = time.time() - GRACE_SECONDS
        for session in list(self._alive.values()):
            if session.expiry() and session.touched < long_ago:
                self.end(session)

    def forget_all(self) -> int:
        """What a restart does to sessions; returns how many there were."""
        with self._lock:
            alive = list(self._alive.values())
        for session in alive:
            self.end(session)
        return len(alive)

    def agents(self) -> list[str | None]:
        """What each living session calls itself."""
        return [session.agent for session in list(self._alive.values()) if not session.expiry()]

    # Acting

    def context(self, session: Session, asked_group: int | None = None) -> Caller:
        """The event context of a call on a session, in the group asked for.

        Raises:
            omero.SecurityViolation: not a member of that group, or bound to another.
        """
        user, sudoer, people = session.user, session.sudoer, self.people
        groups, leads = people.groups_of(user), people.led_by(user)
        group_id = session.group_id if asked_group is None else asked_group
        if session.bound_to_group and group_id != session.group_id:
            raise refusal(omero.SecurityViolation, "Group-sudo session cannot change context!")
        if session.bound_to_group and sudoer:
            groups = [group for group in groups if group in people.groups_of(sudoer)]
            leads = [group for group in leads if group in people.led_by(sudoer)]
        if group_id != ALL_GROUPS:
            people.check_entry(user, group_id)
        return Caller(
            session_id=session.session_id,
            session_uuid=session.uuid,
            user_id=user.id,
            user_name=str(user.get("omeName")),
            sudoer_id=sudoer.id if sudoer else None,
            sudoer_name=str(sudoer.get("omeName")) if sudoer else None,
            group_id=group_id,
            is_admin=SYSTEM_GROUP in groups,
            privileges=people.privileges_of(user) & (people.privileges_of(sudoer) if sudoer else frozenset(PRIVILEGES)),
            member_of=tuple(groups),
            leader_of=tuple(leads),
        )
