"""The routes for OMERO's bulk-import files: each becomes one import, judged as any other."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api import previews
from api.admission import Grant, admit, stand
from api.bulk_models import BulkImport
from api.bulk_reading import in_words_of, read_bulk
from api.callers import Credential
from api.imports import ClientKey
from api.models import Accepted, NewImport, Preview
from api.problems import Problem
from api.services import Address, Neighbours, Presented, Services
from api.submission import submit
from flows.core.bulk import BulkRequest

router = APIRouter(prefix="/v1/imports/bulk", tags=["imports"])


@router.post(
    "",
    status_code=202,
    summary="Ask for what OMERO's bulk file describes",
    response_model=Accepted,
    responses={200: {"model": Preview, "description": "The file says `dry_run`: what it would do. Nothing is done."}},
)
async def ask(
    *,
    body: BulkImport,
    neighbours: Neighbours,
    credential: Presented,
    address: Address,
    response: Response,
    idempotency_key: ClientKey = None,
) -> Accepted | JSONResponse:
    """Ask for one import of all that a file for `omero import --bulk` names. `notes` say what of it is not followed."""
    asked, bulk = await _read(neighbours, credential, body, address)
    if bulk.is_dry:
        dry = await _preview(neighbours, credential, asked, bulk, address)
        return JSONResponse(dry.model_dump(mode="json"))
    grant = await _admit(neighbours, credential, asked, bulk, address)
    accepted = await submit(neighbours, grant, asked, idempotency_key, address)
    response.headers["Location"] = accepted.links.status
    return accepted.model_copy(update={"notes": [*bulk.notes, *accepted.notes]})


@router.post("/preview", summary="See what OMERO's bulk file would do")
async def preview(body: BulkImport, neighbours: Neighbours, credential: Presented, address: Address) -> Preview:
    """Say what would be imported, where to and with what, and what of the file is not followed. Nothing is done."""
    asked, bulk = await _read(neighbours, credential, body, address)
    return await _preview(neighbours, credential, asked, bulk, address)


async def _read(
    neighbours: Services, credential: Credential, body: BulkImport, address: str
) -> tuple[NewImport, BulkRequest]:
    ground = await stand(neighbours, credential, body, address)
    limits = neighbours.settings.metadata
    return await neighbours.blocking(lambda: read_bulk(body, ground.access, limits), away="The file system")


async def _admit(
    neighbours: Services, credential: Credential, asked: NewImport, bulk: BulkRequest, address: str
) -> Grant:
    try:
        return await admit(neighbours, credential, asked, address)
    except Problem as refused:
        raise in_words_of(bulk, refused) from refused


async def _preview(
    neighbours: Services, credential: Credential, asked: NewImport, bulk: BulkRequest, address: str
) -> Preview:
    grant = await _admit(neighbours, credential, asked, bulk, address)
    told = await neighbours.blocking(
        lambda: previews.preview(grant, asked, neighbours.settings), away="The file system"
    )
    return told.model_copy(update={"notes": [*bulk.notes, *told.notes]})
