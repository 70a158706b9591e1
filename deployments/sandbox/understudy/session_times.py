"""UpdateSessionTimeoutRequest: how a session's times are changed, one's own or, with the right, another's.

Source: omero-blitz UpdateSessionTimeoutRequestI.
"""

from collections.abc import Iterable
from typing import Any

import omero
import omero.cmd

from deployments.sandbox.understudy.handles import RequestFailed
from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.sessions import Session

FIELDS = {"live": "timeToLive", "idle": "timeToIdle"}


class UpdateTimes:
    """One request, of one step."""

    steps = 1

    def __init__(self, house: House, session: Session, request: Any) -> None:
        self._house, self._session, self._request = house, session, request

    def run(self) -> Iterable[Any]:
        """Change what was asked."""
        sessions = self._house.sessions
        given = {name: getattr(self._request, field) for name, field in FIELDS.items()}
        asked = {name: value.val for name, value in given.items() if value is not None}
        target = sessions.peek(self._request.session or "")
        if target is None or target not in sessions.like(self._session):
            raise RequestFailed("no-session", {})
        if not asked:
            raise RequestFailed("no-update-performed", {})
        try:
            sessions.set_times(target, asked, by_admin=sessions.context(self._session).is_admin)
        except ValueError as error:
            raise RequestFailed("non-admin-disabling", {"field": FIELDS[str(error)]}) from error
        yield omero.cmd.OK()
