"""How Smuggler answers: its content types, its caching headers, and a `reason` for every no."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.problems import Problem, is_json
from api.runs import EngineAway
from flows.core.errors import CourierError

NEVER_KEPT = {"Cache-Control": "no-store, no-cache, must-revalidate", "Pragma": "no-cache", "Expires": "0"}
KEPT_LONG = {"Cache-Control": "private, max-age=31536000"}
"""Private is ours: a proxy that several people share keeps nothing."""
AS_THEY_ARE = frozenset({401, 404, 413, 415, 429, 500, 503})
"""Statuses that say more than that a field is wrong, for which Smuggler knows 400 only."""
MOST_REASONS = 100


class SmugglerJson(JSONResponse):
    """JSON under the very content type that Smuggler's own Java client insists on."""

    media_type = "application/json;charset=UTF-8"


class ReasonRoute(APIRoute):
    """A route that says why not as Smuggler does, and not with a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with every error that is expected turned into an answer."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as refused:
                return _invalid(request, refused)
            except HTTPException as refused:
                return reason(refused.status_code, str(refused.detail))
            except Problem as problem:
                return _problem(problem)
            except CourierError as error:
                return _problem(Problem.of(error))
            except EngineAway:
                return _problem(Problem(503, "prefect-away", "The courier's workflow engine does not answer just now."))

        return handled


def reason(status: int, text: str, headers: dict[str, str] | None = None) -> SmugglerJson:
    """Say why not."""
    return SmugglerJson({"reason": text}, status if status in AS_THEY_ARE else 400, headers)


def plain_text(text: str, headers: dict[str, str]) -> PlainTextResponse:
    """Answer with a log, or with a mail."""
    return PlainTextResponse(text, headers=headers, media_type="text/plain;charset=UTF-8")


def _problem(problem: Problem) -> SmugglerJson:
    document = problem.document
    words = f"{document.detail} {document.advice}" if document.advice else document.detail
    return reason(document.status, words, problem.headers)


def _invalid(request: Request, refused: RequestValidationError) -> SmugglerJson:
    found = refused.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return reason(400, f"The body is no JSON: {found[0]['ctx']['error']} at character {found[0]['loc'][-1]}.")
    if any(each["loc"] == ("body",) for each in found) and not is_json(request):
        return reason(415, "Send JSON with the header Content-Type: application/json.")
    # Neither the input nor the context of an error goes out: they may hold a key or a password.
    lines = [_line(each) for each in found[:MOST_REASONS]]
    more = [f"and {len(found) - MOST_REASONS} more"] if len(found) > MOST_REASONS else []
    return reason(400, "\n".join(lines + more))


def _line(error: Any) -> str:
    """Write `2: targetUri: what is wrong` for the second element of a batch."""
    what = "it is needed" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    steps = [str(step + 1) if isinstance(step, int) else str(step) for step in error["loc"] if step != "body"]
    return ": ".join([*steps, what])
