"""Keeps requests small: reads no more of a body than the limit, whether its length is announced or not."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem


class BodyLimit:
    """ASGI middleware that answers 413 to a body above `limit` bytes, or above what is said of its very path."""

    def __init__(self, app: ASGIApp, limit: int, of_paths: Mapping[str, int]) -> None:
        """Stand before `app`."""
        self._app = app
        self._limit = limit
        self._of_paths = of_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._of_paths.get(scope["path"], self._limit)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            await Problem(413, "too-large", _detail(limit)).response()(scope, receive, send)
            return
        seen = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, _detail(limit))
            return message

        await self._app(scope, counted, send)


def _detail(limit: int) -> str:
    return f"A request has at most {limit} bytes; name folders instead of single files."
