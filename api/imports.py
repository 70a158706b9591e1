"""The routes about imports: each reads the request, calls one thing, and answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import AwareDatetime, StringConstraints

from api import answers, previews
from api.admission import admit
from api.again import again, under_way
from api.callers import Caller, Credential, Purpose
from api.models import Accepted, Again, ImportAnswer, ImportList, ImportSummary, NewImport, Preview
from api.problems import Problem
from api.runs import ImportState, Run, RunOver, RunQuery, RunUnderWay, RunUnknown
from api.services import Address, Neighbours, Presented, Services
from api.submission import submit

router = APIRouter(prefix="/v1/imports", tags=["imports"])

ClientKey = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    Header(
        alias="Idempotency-Key",
        description="Yours to choose: a request repeated with the same key and body makes no second import.",
    ),
]
Server = Annotated[
    str | None, Query(description="The OMERO server, where you send an OMERO session key and there are several.")
]


@router.post("", status_code=202, summary="Ask for an import")
async def ask(
    *,
    body: NewImport,
    neighbours: Neighbours,
    credential: Presented,
    address: Address,
    response: Response,
    idempotency_key: ClientKey = None,
) -> Accepted:
    """Check what can be checked at once, and let the import wait for its turn.

    You may log out afterwards. What the answer calls `checked: later` is looked at by the machine that imports.
    """
    grant = await admit(neighbours, credential, body, address)
    accepted = await submit(neighbours, grant, body, idempotency_key, address)
    response.headers["Location"] = accepted.links.status
    return accepted


@router.post("/preview", summary="See what an import would do")
async def preview(body: NewImport, neighbours: Neighbours, credential: Presented, address: Address) -> Preview:
    """Say what would be imported and where to, what would be refused and why. Nothing is done."""
    grant = await admit(neighbours, credential, body, address)
    return await neighbours.blocking(lambda: previews.preview(grant, body, neighbours.settings), away="The file system")


@router.get("", summary="List imports")
async def recent(
    *,
    neighbours: Neighbours,
    credential: Presented,
    state: Annotated[list[ImportState] | None, Query(description="Given more than once: any of these.")] = None,
    user: Annotated[
        str | None, Query(description="OMERO login name; for those who may see other users' imports.")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="With a time zone.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[AwareDatetime | None, Query(description="`next_cursor` of the page before.")] = None,
    server: Server = None,
) -> ImportList:
    """Your imports, the latest first; all of the server's for OMERO administrators."""
    caller = await neighbours.recognise(credential, server, Purpose.READ)
    query = RunQuery(
        server=caller.only_server,
        users=caller.whose(user),
        states=frozenset(state or ()),
        since=since,
        before=cursor,
        limit=limit + 1,
    )
    found = await neighbours.runs.recent(query)
    page, more = found[:limit], len(found) > limit
    return ImportList(
        imports=await _summaries(neighbours, query.server, page),
        next_cursor=_cursor(page[-1].due) if more else None,
    )


async def _summaries(neighbours: Services, server: str, runs: list[Run]) -> list[ImportSummary]:
    """Tell each import in short, with its place in the line."""
    room = neighbours.waiting_room(server)
    ahead = await room.positions(runs) if any(run.state.waits for run in runs) else {}
    late = [await room.why_late(run) for run in runs]
    return [
        answers.summary(run, neighbours.settings, position=ahead.get(run.id), late=why)
        for run, why in zip(runs, late, strict=True)
    ]


def _cursor(moment: datetime) -> str:
    """Write a moment so that it can be pasted into an address, where a plus sign is a blank."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@router.get("/{import_id}", summary="Look at an import")
async def read(import_id: str, neighbours: Neighbours, credential: Presented, server: Server = None) -> ImportAnswer:
    """Where it is, how far each file is, what is in OMERO, and what failed and why."""
    _, run = await _own(import_id, neighbours, credential, server, Purpose.READ)
    return await _in_full(neighbours, run)


async def _in_full(neighbours: Services, run: Run) -> ImportAnswer:
    [told] = await _summaries(neighbours, run.server, [run])
    return answers.in_full(told, run, await neighbours.runs.filesets(run.id), neighbours.settings)


@router.get("/{import_id}/log", summary="Read an import's log", response_class=PlainTextResponse)
async def log(
    import_id: str, neighbours: Neighbours, credential: Presented, server: Server = None
) -> StreamingResponse:
    """What the import did, a line for each step."""
    _, run = await _own(import_id, neighbours, credential, server, Purpose.READ)
    lines = neighbours.runs.log(run.id)
    first = await anext(lines, "")

    async def text() -> AsyncIterator[str]:
        yield first
        async for line in lines:
            yield line

    return StreamingResponse(text(), media_type="text/plain; charset=utf-8")


@router.post("/{import_id}/cancel", status_code=202, summary="Stop an import")
async def cancel(
    import_id: str, neighbours: Neighbours, credential: Presented, address: Address, server: Server = None
) -> ImportAnswer:
    """Stop it. What is in OMERO already stays there; half-uploaded files are removed."""
    caller, run = await _own(import_id, neighbours, credential, server, Purpose.STOP)
    try:
        stopped = await neighbours.runs.cancel(run, caller.name)
    except RunOver as over:
        raise Problem(409, "already-over", "This import has ended already: there is nothing to stop.") from over
    await _note(neighbours, "cancel", caller, run, address)
    return await _in_full(neighbours, stopped)


@router.post("/{import_id}/retry", status_code=202, summary="Try an import again")
async def retry(
    *,
    import_id: str,
    neighbours: Neighbours,
    credential: Presented,
    address: Address,
    body: Again | None = None,
    server: Server = None,
) -> ImportAnswer:
    """Let an import that is over begin again, with its first request: what failed, or all of it."""
    caller, run = await _own(import_id, neighbours, credential, server)
    what = (body or Again()).what
    begun = await again(neighbours, caller, credential, run, what)
    await _note(neighbours, f"retry-{what.value}", caller, run, address)
    return await _in_full(neighbours, begun)


@router.delete("/{import_id}", status_code=204, summary="Forget an import")
async def forget(
    import_id: str, neighbours: Neighbours, credential: Presented, address: Address, server: Server = None
) -> None:
    """Delete what the courier knows of an import that is over, as when a failed one was dealt with.

    What is in OMERO stays there.
    """
    caller, run = await _own(import_id, neighbours, credential, server)
    try:
        await neighbours.runs.forget(run)
    except RunUnderWay as still:
        raise under_way() from still
    await _note(neighbours, "forget", caller, run, address)


async def _note(neighbours: Services, action: str, caller: Caller, run: Run, address: str) -> None:
    await neighbours.note(
        action, caller.who, address=address, server=run.server, as_whom=run.user, import_id=str(run.id)
    )


async def _own(
    import_id: str,
    neighbours: Services,
    credential: Credential,
    server: str | None,
    purpose: Purpose = Purpose.ACT,
) -> tuple[Caller, Run]:
    """Return one of the caller's imports; somebody else's is answered exactly as one that does not exist."""
    caller = await neighbours.recognise(credential, server, purpose)
    try:
        run = await neighbours.runs.read(UUID(import_id))
    except (RunUnknown, ValueError):
        run = None
    if run is None or not caller.may_see(run):
        raise Problem(404, "unknown-import", "There is no import of yours with this id.")
    return caller, run
