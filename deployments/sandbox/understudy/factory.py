"""The ServiceFactory: what a client holds after logging in, and how it reaches everything else."""

import uuid
from typing import Any

import omero
import omero.api
import omero.cmd
import omero.grid
import omero.model

from deployments.sandbox.understudy.convert import object_id
from deployments.sandbox.understudy.filestore import FileStore
from deployments.sandbox.understudy.house import House, SessionService
from deployments.sandbox.understudy.pixelstore import PixelStore
from deployments.sandbox.understudy.refusals import not_modelled, refusal
from deployments.sandbox.understudy.repository import SharedResources
from deployments.sandbox.understudy.requests import submit
from deployments.sandbox.understudy.rows import Ref
from deployments.sandbox.understudy.services.admin import Admin
from deployments.sandbox.understudy.services.config import Config
from deployments.sandbox.understudy.services.container import Container, Types
from deployments.sandbox.understudy.services.query import Query
from deployments.sandbox.understudy.services.sessions import SessionOperations
from deployments.sandbox.understudy.services.update import Update
from deployments.sandbox.understudy.sessions import Session

STATELESS: dict[str, type[SessionService]] = {
    "IAdmin": Admin,
    "IConfig": Config,
    "IContainer": Container,
    "IQuery": Query,
    "ISession": SessionOperations,
    "ITypes": Types,
    "IUpdate": Update,
}


class ServiceFactory(SessionService):
    """One client's hold on a session."""

    def __init__(self, house: House, session: Session, client: str, *, by_password: bool) -> None:
        super().__init__(house, session)
        self._client = client
        self.by_password = by_password
        """Did a password open this very connection? What OMERO asks of `HasPassword`."""
        self._detached = False

    def publish(self) -> Any:
        """Make it reachable; its identity's name is the session's key, as clients expect."""
        return self.house.registry.publish(self._client, self.session.uuid, omero.api.ServiceFactory, self)

    def leave(self) -> None:
        """The client goes (omero-blitz: SessionI.destroy)."""
        self.house.registry.withdraw(self._client, self.session.uuid)
        if self._detached:
            self.session.references -= 1
        else:
            self.house.sessions.release(self.session)

    # Services

    def _service(self, name: str) -> Any:
        implementation = STATELESS.get(name, SessionService)(self.house, self.session)
        if isinstance(implementation, SessionOperations):
            implementation.by_password = self.by_password
        skeleton, proxy = getattr(omero.api, name), getattr(omero.api, name + "Prx")
        category = self.session.uuid
        return proxy.uncheckedCast(
            self.house.registry.publish(category, f"{self._client}/omero.api.{name}", skeleton, implementation)
        )

    def getAdminService(self, _current: Any) -> Any:  # noqa: N802
        """IAdmin."""
        return self._service("IAdmin")

    def getConfigService(self, _current: Any) -> Any:  # noqa: N802
        """IConfig."""
        return self._service("IConfig")

    def getContainerService(self, _current: Any) -> Any:  # noqa: N802
        """IContainer."""
        return self._service("IContainer")

    def getQueryService(self, _current: Any) -> Any:  # noqa: N802
        """IQuery."""
        return self._service("IQuery")

    def getSessionService(self, _current: Any) -> Any:  # noqa: N802
        """ISession."""
        return self._service("ISession")

    def getTypesService(self, _current: Any) -> Any:  # noqa: N802
        """ITypes."""
        return self._service("ITypes")

    def getUpdateService(self, _current: Any) -> Any:  # noqa: N802
        """IUpdate."""
        return self._service("IUpdate")

    def getByName(self, name: str, _current: Any) -> Any:  # noqa: N802
        """A stateless service by its class, or a stateful one by its full name."""
        short = name.removeprefix("omero.api.")
        if short in STATELESS:
            return omero.api.ServiceInterfacePrx.uncheckedCast(self._service(short))
        if self.house.registry.find(self.session.uuid, name) is None:
            raise not_modelled(f"the service {name}")
        return omero.api.ServiceInterfacePrx.uncheckedCast(self.house.registry.proxy(self.session.uuid, name))

    def activeServices(self, _current: Any) -> Any:  # noqa: N802
        """The names of what the session holds open."""
        return self.house.registry.names(self.session.uuid)

    def createRawFileStore(self, _current: Any) -> Any:  # noqa: N802
        """A store without a file yet: `setFileId` says which."""
        name = f"omero.api.RawFileStore-{uuid.uuid4()}"
        store = FileStore(self.house, self.session, name)
        return omero.api.RawFileStorePrx.uncheckedCast(
            self.house.registry.publish(self.session.uuid, name, omero.api.RawFileStore, store)
        )

    def createRawPixelsStore(self, _current: Any) -> Any:  # noqa: N802
        """A store without pixels yet: `setPixelsId` says which."""
        name = f"omero.api.RawPixelsStore-{uuid.uuid4()}"
        store = PixelStore(self.house, self.session, name)
        return omero.api.RawPixelsStorePrx.uncheckedCast(
            self.house.registry.publish(self.session.uuid, name, omero.api.RawPixelsStore, store)
        )

    def sharedResources(self, _current: Any) -> Any:  # noqa: N802
        """Where the repositories are."""
        resources = SharedResources(self.house, self.session)
        category, name = self.session.uuid, f"{self._client}/omero.grid.SharedResources"
        return omero.grid.SharedResourcesPrx.uncheckedCast(
            self.house.registry.publish(category, name, omero.grid.SharedResources, resources)
        )

    def submit(self, request: Any, current: Any) -> Any:
        """Run a request in the background; its handle."""
        return submit(self.house, self.session, request, current.ctx)

    # The session

    def setCallback(self, _callback: Any, _current: Any) -> None:  # noqa: N802
        """The client's own callback (session closed, heartbeat) is never called."""

    def keepAlive(self, proxy: Any, _current: Any) -> Any:  # noqa: N802
        """True when the service, or with None the session, is there; the call itself refreshes the session."""
        if proxy is None:
            return True
        identity = proxy.ice_getIdentity()
        return self.house.registry.find(identity.category, identity.name) is not None

    def keepAllAlive(self, proxies: Any, current: Any) -> Any:  # noqa: N802
        """A bit for each service that has gone."""
        return sum(1 << index for index, proxy in enumerate(proxies) if not self.keepAlive(proxy, current))

    def detachOnDestroy(self, _current: Any) -> None:  # noqa: N802
        """Let the session live on when this client leaves."""
        self._detached = True

    def closeOnDestroy(self, _current: Any) -> None:  # noqa: N802
        """Let the session end when its last client leaves: the default."""
        self._detached = False

    def getSecurityContexts(self, current: Any) -> Any:  # noqa: N802
        """The groups the user may act in."""
        reader = self.call(current).reader
        rows = [reader.find(Ref("ExperimenterGroup", group)) for group in self.call(current).caller.member_of]
        return [reader.load(row) for row in rows if row]

    def setSecurityContext(self, group: Any, _current: Any) -> Any:  # noqa: N802
        """Change the session's group; returns the earlier one."""
        if not isinstance(group, omero.model.ExperimenterGroup):
            raise not_modelled("a security context that is not a group")
        caller, group_id = self.house.sessions.context(self.session), object_id(group)
        if group_id is None or not (caller.is_admin or group_id in caller.member_of):
            message = f"User {caller.user_id} is not a member of group {group_id}"
            raise refusal(omero.SecurityViolation, message)
        before, self.session.group_id = self.session.group_id, group_id
        return omero.model.ExperimenterGroupI(before, False)

    def destroy(self, _current: Any) -> None:
        """Leave."""
        self.leave()
