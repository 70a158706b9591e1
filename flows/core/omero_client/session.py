"""One connection to OMERO, as one user in one group, and the two ways to end it."""

import logging
import threading
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, Self

import omero
import omero.sys
from omero.rtypes import rlist, rlong, rstring, unwrap
from pydantic import SecretStr

from flows.core.errors import CourierError, NotPermitted, OmeroMisused, SessionLost
from flows.core.omero_client.faults import speaking_to
from flows.core.settings import OmeroServer

log = logging.getLogger(__name__)

KEEP_ALIVE = 60
"""Seconds between the signs of life that a session gives while it imports."""
UPLOADS = 4
"""Files that one session uploads side by side: enough to hide the latency of a real server."""


class OmeroSession:
    """One connection to OMERO. Safe to use from several threads."""

    def __init__(self, server: OmeroServer, client: Any, *, group: str | None, detached: bool) -> None:
        """Take over a logged-in client.

        Args:
            server: where it is logged in.
            client: the omero-py client.
            group: name or id of the group to work in; None for the session's own.
            detached: the session stays alive when this connection ends.
        """
        self.server = server
        self.client = client
        self.services = client.getSession()
        self.upload_slots = threading.BoundedSemaphore(UPLOADS)
        """Held by each file while its bytes are sent."""
        self.deleted: Callable[[tuple[int, ...]], None] = lambda filesets: None
        """Hears of the filesets that were deleted in this session, by their ids."""
        self._kept_alive = False
        self._look_up_who()
        if group is not None:
            self._work_in(group)
        if detached:
            self.services.detachOnDestroy()

    def _look_up_who(self) -> None:
        admin = self.services.getAdminService()
        context = admin.getEventContext()
        person = admin.getExperimenter(context.userId)
        self.user: str = context.userName
        self.user_id: int = context.userId
        self.group: str = context.groupName
        self.group_id: int = context.groupId
        self.is_admin: bool = context.isAdmin
        self.admin_privileges: frozenset[str] = frozenset(context.adminPrivileges or ())
        self.sudoer: str | None = unwrap(context.sudoerName)
        """Login name of the service account that opened the session for the user, where one did."""
        self.key = SecretStr(context.sessionUuid)
        self.email: str | None = unwrap(person.email) or None
        self._groups = groups_of(person)

    @property
    def groups(self) -> frozenset[str]:
        """The names of all groups that the user is a member of."""
        return frozenset(self._groups)

    def _work_in(self, group: str) -> None:
        """Send every further call in that group (omero-blitz: the call context `omero.group`)."""
        number = self._groups.get(group, int(group) if group.isdecimal() else None)
        name = next((each for each, its in self._groups.items() if its == number), None)
        if number is None or name is None:
            raise NotPermitted(f"{self.user} is not a member of the OMERO group {group!r}.")
        self.group_id, self.group = number, name
        self.client.getImplicitContext().put("omero.group", str(number))

    @cached_property
    def query(self) -> Any:
        """OMERO's IQuery."""
        return self.services.getQueryService()

    @cached_property
    def update(self) -> Any:
        """OMERO's IUpdate."""
        return self.services.getUpdateService()

    @cached_property
    def repository(self) -> Any:
        """The managed repository, which imports go into."""
        if (found := self.client.getManagedRepository()) is None:
            raise OmeroMisused(f"{self.server.host} has no managed repository that this user sees.")
        return found

    @cached_property
    def category(self) -> str:
        """What OMERO's router knows the call-backs of this connection by."""
        return str(self.client.getCategory())

    @cached_property
    def checksum_algorithm(self) -> Any:
        """The checksum of uploads, agreed with OMERO for as long as this session is used.

        Raises:
            OmeroMisused: OMERO takes none of the algorithms that the settings offer.
        """
        names = self.server.checksums
        if (agreed := self.repository.suggestChecksumAlgorithm([_algorithm(name) for name in names])) is None:
            raise OmeroMisused(
                f"{self.server.host} takes none of the checksums {', '.join(names)}.",
                advice="The operator should offer one that it supports: `checksums` in the settings of the server.",
            )
        return agreed

    def rows(self, hql: str, **parameters: int | str | list[int] | list[str]) -> list[tuple[Any, ...]]:
        """Ask for columns; the values come unwrapped."""
        return [tuple(unwrap(each) for each in row) for row in self.query.projection(hql, _parameters(parameters))]

    def objects(self, hql: str, **parameters: int | str | list[int] | list[str]) -> list[Any]:
        """Ask for objects of OMERO's model."""
        return list(self.query.findAllByQuery(hql, _parameters(parameters)))

    def keep_alive(self) -> None:
        """Give signs of life from now on: a long wait for OMERO is no idle time."""
        if not self._kept_alive:
            self.client.enableKeepAlive(KEEP_ALIVE)
            self._kept_alive = True

    def close(self) -> None:
        """Leave the session: it goes on for whoever else holds it."""
        self._leave(ending=False)

    def kill(self) -> None:
        """End the session for everybody who holds it."""
        self._leave(ending=True)

    def _leave(self, *, ending: bool) -> None:
        try:
            with speaking_to(self.server.host, doing="leaving the session"):
                if ending:
                    self._end_for_all()
                self.client.closeSession()
        except SessionLost:
            log.debug("the session of %s had ended already", self.user)
        except CourierError as error:
            # It will idle out: nobody is helped by a failure here.
            log.warning("%s", error)
        finally:
            drop(self.client)

    def _end_for_all(self) -> None:
        """Give back reference after reference (omero-server: SessionManagerImpl.close); the last one raises."""
        session = omero.model.SessionI()
        session.uuid = rstring(self.key.get_secret_value())
        service = self.services.getSessionService()
        while service.closeSession(session) > 0:
            pass

    def __enter__(self) -> Self:
        """Hold the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave it."""
        self.close()

    def __repr__(self) -> str:
        """Name user, group and server; never the key."""
        return f"<OmeroSession of {self.user} in {self.group} at {self.server.host}:{self.server.port}>"


class Borrowed(NamedTuple):
    """A session that another program works in."""

    session: OmeroSession
    give_back: Callable[[], None]
    """Ends it, or leaves it, as fits."""


def groups_of(person: Any) -> dict[str, int]:
    """Return the groups of an experimenter, ids by name."""
    return {unwrap(each.parent.name): each.parent.id.val for each in person.copyGroupExperimenterMap()}


def drop(client: Any) -> None:
    """Free a client whatever state it is in; omero-py's finaliser is the one call that never raises."""
    client.__del__()


def _algorithm(name: str) -> Any:
    algorithm = omero.model.ChecksumAlgorithmI()
    algorithm.value = rstring(name)
    return algorithm


def _parameters(values: dict[str, Any]) -> Any:
    parameters = omero.sys.ParametersI()
    for name, value in values.items():
        parameters.add(name, _wrapped(value))
    return parameters


def _wrapped(value: int | str | list[int] | list[str]) -> Any:
    if isinstance(value, list):
        return rlist([_wrapped(each) for each in value])
    return rstring(value) if isinstance(value, str) else rlong(value)
