"""Reads `//omero/session/create` and `/ome/import/` as Smuggler does: its own script sends two slashes."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_OURS = re.compile(r"/+(ome|omero)(/|$)")


class Slashes:
    """ASGI middleware that takes superfluous slashes out of Smuggler's paths, and leaves all others alone."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and _OURS.match(scope["path"]):
            scope = {**scope, "path": re.sub("/+", "/", scope["path"]).rstrip("/")}
        await self._app(scope, receive, send)
