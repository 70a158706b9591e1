"""What the API asks of OMERO: who is this, and may they import there. No objects of OMERO leave this module."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from flows.core.errors import NotPermitted, TargetNotFound
from flows.core.omero_client import OmeroSession, join, make_long_session, ping, raise_idle, resolve_target, sudo
from flows.core.requests import Frozen, Target
from flows.core.settings import OmeroServer


class Proof(Frozen):
    """What OMERO says of somebody."""

    user: str
    """Login name."""
    group: str | None
    """The group that they work in; None where OMERO was not asked, and the user's default counts."""
    groups: frozenset[str]
    """Names of all groups that they are a member of."""
    is_admin: bool
    email: str | None = None
    """The address in their profile, where OMERO was asked."""
    may_sudo: bool = False
    """Whether OMERO lets them act for other users."""
    to_make: tuple[str, ...] = ()
    """What the target lacks in OMERO yet, for people."""


class Wish(Frozen):
    """What is looked at besides, in the same visit."""

    group: str | None = None
    """To work in; None is the session's own."""
    target: Target | None = None
    """To import into; None is not asked."""
    keep_hours: float | None = None
    """How long the session may idle from now on; None leaves it."""


class Omero(Protocol):
    """All OMERO servers. Calls block, for a bounded time, and raise the core's `OmeroError`s."""

    def log_in(
        self, server: str, user: str, password: SecretStr, group: str | None, idle_hours: float | None = None
    ) -> tuple[Proof, SecretStr]:
        """Open a session with a password, which may idle for so long; return its key."""

    def visit(self, server: str, key: SecretStr, wish: Wish) -> Proof:
        """See whose session this is, and whether they may do what they wish; it stays open."""

    def visit_as(self, server: str, user: str, wish: Wish) -> Proof:
        """See who a user is, through the service account, and whether they may do what they wish."""

    def end(self, server: str, key: SecretStr) -> None:
        """End a session for everybody who uses it."""

    def ping(self, server: str) -> None:
        """Return if the server answers."""


class OmeroServers:
    """The configured OMERO servers."""

    def __init__(self, servers: Mapping[str, OmeroServer], idle_hours: float) -> None:
        """Take the servers by name, and how long a session made at the door may idle."""
        self._servers = servers
        self._idle_seconds = idle_hours * 3600

    def log_in(
        self, server: str, user: str, password: SecretStr, group: str | None, idle_hours: float | None = None
    ) -> tuple[Proof, SecretStr]:
        """Open a session with a password, which may idle for so long; return its key."""
        at, idle = self._servers[server], self._idle_seconds if idle_hours is None else idle_hours * 3600
        with make_long_session(at, user, password, idle_seconds=idle, group=group) as session:
            return _proof(session, ()), session.key

    def visit(self, server: str, key: SecretStr, wish: Wish) -> Proof:
        """See whose session this is, and whether they may do what they wish; it stays open."""
        with join(self._servers[server], key, group=wish.group) as session:
            return _proof(session, _look(session, wish))

    def visit_as(self, server: str, user: str, wish: Wish) -> Proof:
        """See who a user is, through the service account, and whether they may do what they wish."""
        session = sudo(self._servers[server], user, group=wish.group, idle_seconds=60)
        try:
            return _proof(session, _look(session, wish))
        finally:
            session.kill()

    def end(self, server: str, key: SecretStr) -> None:
        """End a session for everybody who uses it."""
        join(self._servers[server], key).kill()

    def ping(self, server: str) -> None:
        """Return if the server answers."""
        ping(self._servers[server])


def _proof(session: OmeroSession, to_make: tuple[str, ...]) -> Proof:
    return Proof(
        user=session.user,
        group=session.group,
        groups=session.groups,
        is_admin=session.is_admin,
        email=session.email,
        may_sudo=session.is_admin and "Sudo" in session.admin_privileges,
        to_make=to_make,
    )


def _look(session: OmeroSession, wish: Wish) -> tuple[str, ...]:
    if wish.keep_hours is not None:
        raise_idle(session, wish.keep_hours * 3600)
    if wish.target is None:
        return ()
    try:
        return resolve_target(session, wish.target, make=False).to_make
    except TargetNotFound as missing:
        if not by_id(wish.target):
            raise
        # Whether it is another user's or not there at all is nothing that the answer tells.
        raise NotPermitted(f"{wish.target}: {missing.what}", advice=missing.advice) from missing


def by_id(target: Target | None) -> bool:
    """Whether it names something that may be somebody else's; what has a name is looked up among one's own."""
    if target is None:
        return False
    return target.id is not None or (target.project is not None and target.project.id is not None)
