"""Every error as a problem document (RFC 9457), without anything that the caller did not say or may not know."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.runs import EngineAway
from flows.core.disk import as_shown
from flows.core.errors import (
    CourierError,
    ImporterMissing,
    LoginRefused,
    Misdefined,
    NotPermitted,
    OmeroError,
    RequestError,
    SealBroken,
    SessionLost,
    SourceAway,
    SourceError,
    SourceNotAllowed,
    TargetNotFound,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 10
"""What a caller is asked to wait when a neighbour is away or too much waits."""

STATUS_OF: dict[type[CourierError], int] = {
    LoginRefused: 401,
    SealBroken: 401,
    SessionLost: 401,
    SourceNotAllowed: 403,
    SourceAway: 503,
    NotPermitted: 403,
    TargetNotFound: 422,
    Misdefined: 503,
    SourceError: 422,
    RequestError: 422,
    ImporterMissing: 422,
}
TITLES = {
    400: "This is no JSON",
    401: "Log in first",
    403: "You may not do that",
    404: "There is no such thing",
    405: "That method is not offered here",
    409: "That does not fit the present state",
    413: "The request is too large",
    415: "Send JSON",
    422: "The request cannot be carried out as it stands",
    429: "Too much is waiting",
    500: "Something went wrong on our side",
    503: "Not available just now",
}


class Reason(BaseModel):
    """What is wrong with one part of a request."""

    field: str | None = Field(default=None, description="Where in the request.", examples=["body.sources.0"])
    code: str = Field(description="Stable, for machines.", examples=["source-missing"])
    what: str = Field(examples=["There is no such file."])
    which: str = Field(default="", examples=["/data/alice/cells.ome.tiff"])
    advice: str = Field(default="", examples=["Check the path, and that the share is mounted on the worker."])


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = Field(description="Stable, for machines.", examples=["urn:omero-courier:source-missing"])
    title: str = Field(examples=[TITLES[422]])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["/data/alice/cells.ome.tiff: There is no such file."])
    advice: str = Field(default="", description="What to do about it.")
    errors: list[Reason] = Field(default_factory=list, description="One for each thing that is wrong.")


class Problem(Exception):
    """An answer other than success, wherever it is found out."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        advice: str = "",
        errors: list[Reason] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Say what happened; `code` is its stable name for machines."""
        super().__init__(detail)
        self.document = ProblemDocument(
            type=f"urn:omero-courier:{code}",
            title=TITLES.get(status, "The request failed"),
            status=status,
            detail=detail,
            advice=advice,
            errors=errors or [],
        )
        self.headers = dict(headers or {})
        if status == 401:
            self.headers.setdefault("WWW-Authenticate", 'Bearer realm="omero-courier"')
        if status in (429, 503):
            self.headers.setdefault("Retry-After", str(RETRY_SECONDS))

    @classmethod
    def of(cls, error: CourierError, field: str | None = None) -> "Problem":
        """Turn a failure of the core into an answer."""
        status = next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), None)
        if status is None:
            status = 503 if isinstance(error, OmeroError) and error.transient else 500
        if status == 500:
            log.error("not the caller's fault: %s", error)
        # A name of a file may be no UTF-8, which no answer can hold.
        what, which, advice = map(as_shown, (error.what, error.which, error.advice))
        reason = Reason(field=field, code=error.code, what=what, which=which, advice=advice)
        return cls(status, error.code, f"{which}: {what}" if which else what, advice=advice, errors=[reason])

    def response(self) -> JSONResponse:
        """Write it."""
        content = self.document.model_dump(exclude_defaults=True)
        return JSONResponse(content, self.document.status, self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(CourierError, _courier_error)
    app.add_exception_handler(EngineAway, _engine_away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def _problem(_request: Request, problem: Any) -> JSONResponse:
    return problem.response()  # type: ignore[no-any-return]


def _courier_error(_request: Request, error: Any) -> JSONResponse:
    return Problem.of(error).response()


def _engine_away(_request: Request, away: Exception) -> JSONResponse:
    log.warning("%s", away)
    return Problem(
        503,
        "prefect-away",
        "The workflow engine does not answer just now, or is not set up for this server.",
        advice="Send it again later, with an Idempotency-Key if you sent one: nothing is imported twice then.",
    ).response()


def _invalid(request: Request, refused: Any) -> JSONResponse:
    found = refused.errors()
    if any(each["type"] == "json_invalid" for each in found):
        what = f"{found[0]['ctx']['error']} at character {found[0]['loc'][-1]}."
        return Problem(400, "not-json", f"The body is no JSON: {what}").response()
    if "body" in {".".join(map(str, each["loc"])) for each in found} and not is_json(request):
        return Problem(415, "not-json", "Send JSON with the header Content-Type: application/json.").response()
    # Neither the input nor the context of an error goes out: they may hold a password.
    errors = [_reason(each) for each in found]
    detail = "; ".join(f"{each.field}: {each.what}" for each in errors[:5])
    return Problem(422, "invalid-request", detail, errors=errors[:100]).response()


def _reason(error: Any) -> Reason:
    field = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return Reason(field=field, code="unknown-field", what="There is no such field.")
    return Reason(field=field, code=error["type"].replace("_", "-"), what=error["msg"].removeprefix("Value error, "))


def is_json(request: Request) -> bool:
    """Whether a request says that its body is JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _http(_request: Request, error: Any) -> JSONResponse:
    codes = {404: "unknown-path", 405: "method-not-allowed", 400: "not-json", 413: "too-large"}
    details = {404: "There is nothing at this address.", 400: "The body is no JSON text in UTF-8."}
    code = codes.get(error.status_code, f"http-{error.status_code}")
    detail = details.get(error.status_code, str(error.detail))
    return Problem(error.status_code, code, detail, headers=dict(error.headers or {})).response()


def _bug(_request: Request, _error: Exception) -> JSONResponse:
    return Problem(
        500,
        "internal-error",
        "The courier could not answer because of a fault of its own.",
        advice="Try again; if it stays, tell the operator, who finds the cause in the API's log.",
    ).response()
