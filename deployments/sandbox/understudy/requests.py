"""Which work belongs to which request of omero.cmd."""

from collections.abc import Iterable
from typing import Any

import omero
import omero.cmd

from deployments.sandbox.understudy.deleting import Delete, DoAll
from deployments.sandbox.understudy.handles import Handle, RequestFailed, Work
from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.refusals import NOT_MODELLED
from deployments.sandbox.understudy.session_times import UpdateTimes
from deployments.sandbox.understudy.sessions import Session


class NotModelled:
    """A request that is not understood."""

    steps = 1

    def __init__(self, request: Any) -> None:
        self._request = request

    def run(self) -> Iterable[Any]:
        """Says so."""
        raise RequestFailed("not-modelled", {"message": f"{NOT_MODELLED}: {self._request.ice_id()}"})


def submit(house: House, session: Session, request: Any, context: dict[str, str]) -> Any:
    """Start a request; its handle's proxy."""
    work: Work
    if isinstance(request, omero.cmd.Delete2):
        work = Delete(house, session, request)
    elif isinstance(request, omero.cmd.DoAll):
        work = DoAll(house, session, request)
    elif isinstance(request, omero.cmd.UpdateSessionTimeoutRequest):
        work = UpdateTimes(house, session, request)
    else:
        work = NotModelled(request)
    handle = Handle(house, session, request, work)
    handle.start()
    return handle.proxy
