"""The routes of Smuggler's interface: each reads the request, calls one thing, and answers."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.problems import Problem
from api.services import Address, Neighbours
from api.smuggler import failures, logins
from api.smuggler.answers import KEPT_LONG, NEVER_KEPT, ReasonRoute, SmugglerJson, plain_text
from api.smuggler.handing_over import IMPORTS, hand_over
from api.smuggler.models import ImportElement, ImportResponse, NewOmeroSession, OmeroSessionKey, Reason
from api.smuggler.overseers import Overseer

FAILED_IMPORTS = "/ome/failed/import"
FAILED_MAILS = "/ome/failed/mail"
router = APIRouter(
    tags=["OME Smuggler"],
    route_class=ReasonRoute,
    default_response_class=SmugglerJson,
    responses={"4XX": {"model": Reason, "description": "No, and why."}},
)


@router.post(IMPORTS, summary="Hand a batch over")
async def enqueue(
    request: Request, neighbours: Neighbours, address: Address, body: list[ImportElement | None] | None = None
) -> list[ImportResponse]:
    """Take all of it, or nothing. Each element says whose it is with an OMERO session, which ends after the batch."""
    if body is None and not await request.body():
        raise Problem(400, "not-json", "There is no body: send a JSON array of imports.")
    batch = [element for element in body or () if element is not None]
    return await hand_over(neighbours, batch, address) if batch else []


@router.get(f"{IMPORTS}/{{import_id}}", summary="Read the status log", response_class=PlainTextResponse)
async def status(import_id: str, neighbours: Neighbours) -> PlainTextResponse:
    """What became of one element of a batch so far. Whoever holds the id, which cannot be guessed, may read it."""
    return plain_text(await failures.import_log(neighbours, import_id), NEVER_KEPT)


@router.get(FAILED_IMPORTS, summary="List failed imports")
async def failed_imports(neighbours: Neighbours, caller: Overseer) -> list[str]:
    """The addresses of the logs of your imports that failed; all for administrators."""
    return [f"{FAILED_IMPORTS}/{each}" for each in await failures.failed_imports(neighbours, caller)]


@router.get(f"{FAILED_IMPORTS}/{{import_id}}", summary="Read a failed import's log", response_class=PlainTextResponse)
async def failed_import(import_id: str, neighbours: Neighbours) -> PlainTextResponse:
    """Its status log, while it stands on the list."""
    return plain_text(await failures.failed_log(neighbours, import_id), KEPT_LONG)


@router.delete(f"{FAILED_IMPORTS}/{{import_id}}", status_code=204, summary="Deal with a failed import")
async def deal_with(import_id: str, neighbours: Neighbours, address: Address) -> None:
    """Take it off the list. What is not there is no error."""
    await failures.deal_with(neighbours, import_id, address)


@router.get(FAILED_MAILS, summary="List unsent mails")
async def failed_mails(neighbours: Neighbours, caller: Overseer) -> list[str]:
    """The addresses of the mails about your imports that could not be sent; all for administrators."""
    return [f"{FAILED_MAILS}/{each}" for each in await failures.failed_mails(neighbours, caller)]


@router.get(f"{FAILED_MAILS}/{{mail_id}}", summary="Read an unsent mail", response_class=PlainTextResponse)
async def failed_mail(mail_id: str, neighbours: Neighbours) -> PlainTextResponse:
    """The message as it would be handed to a mail server: `sendmail -t` takes it."""
    return plain_text(await failures.failed_mail(neighbours, mail_id), KEPT_LONG)


@router.delete(f"{FAILED_MAILS}/{{mail_id}}", status_code=204, summary="Delete an unsent mail")
async def discard_mail(mail_id: str, neighbours: Neighbours, address: Address) -> None:
    """Delete it. What is not there is no error."""
    await failures.discard_mail(neighbours, mail_id, address)


@router.post("/omero/session/create", summary="Make an OMERO session")
async def create_session(
    body: NewOmeroSession, neighbours: Neighbours, address: Address, response: Response
) -> OmeroSessionKey:
    """For imports that are handed over later. Its client ends it, or the end of the batch that it is sent with."""
    key = await logins.log_in(neighbours, body, address)
    response.headers["Cache-Control"] = "no-store"
    return OmeroSessionKey(sessionKey=key)
