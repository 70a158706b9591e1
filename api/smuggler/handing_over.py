"""Takes a batch as a whole, or not at all: all is judged first, and what was made before a failure is taken back."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from api.admission import Grant, admit
from api.callers import SessionCredential
from api.problems import Problem, Reason
from api.runs import EngineAway, RunOver, RunUnderWay
from api.services import Services
from api.smuggler.batches import Part, divide
from api.smuggler.capabilities import IMPORT, Named, make_id
from api.smuggler.models import ImportElement, ImportResponse
from api.smuggler.places import read_place
from api.submission import Entered, enter
from flows.core.errors import CourierError
from flows.core.names import session_tag
from flows.core.seal import SessionToEnd, seal

log = logging.getLogger(__name__)

TOGETHER = timedelta(seconds=10)
"""None of several imports begins before all of them are there, or could be taken back."""
AT_A_TIME = 4
"""Parts that OMERO is asked about side by side."""
IMPORTS = "/ome/import"


async def hand_over(neighbours: Services, batch: Sequence[ImportElement], address: str) -> list[ImportResponse]:
    """Let every element of a batch wait for its turn, and the session that came with it end after the last of them.

    A batch that is sent again in the same session is the same imports.

    Raises:
        Problem: some of it may not, or cannot, be carried out; nothing of it is then.
        EngineAway: the workflow engine does not answer; what it took already was taken back, as far as it could be.
    """
    parts = divide(batch, neighbours.settings.servers)
    grants = await _all_admitted(neighbours, parts, address)
    not_before = datetime.now(UTC) + TOGETHER if len(parts) > 1 else None
    entered: list[Entered] = []
    try:
        await _end_sessions_later(neighbours, parts, grants)
        for part, grant in zip(parts, grants, strict=True):
            tags = frozenset({_tag(part)})
            entered.append(
                await enter(neighbours, grant, part.body, part.client_key, address, tags=tags, not_before=not_before)
            )
    except (Problem, EngineAway):
        await _take_back(neighbours, parts, entered)
        raise
    answers = {
        number: _response(neighbours, batch[number], Named(each.run.id, part.sources.index(place)))
        for part, each in zip(parts, entered, strict=True)
        for number, place in zip(part.elements, part.places, strict=True)
    }
    return [answers[number] for number in range(len(batch))]


async def _all_admitted(neighbours: Services, parts: Sequence[Part], address: str) -> list[Grant]:
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(part: Part) -> Grant | Problem:
        async with gate:
            try:
                return await admit(neighbours, SessionCredential(part.key, part.server), part.body, address)
            except CourierError as error:
                return _about(part, Problem.of(error))
            except Problem as problem:
                return _about(part, problem)

    judged = await asyncio.gather(*(one(part) for part in parts))
    if refused := [each for each in judged if isinstance(each, Problem)]:
        raise _all_of(refused)
    return [each for each in judged if isinstance(each, Grant)]


def _about(part: Part, problem: Problem) -> Problem:
    """Say of which elements this is said, counted from 1."""
    document = problem.document
    lines = [_line(part, each) for each in document.errors if each.field and each.field.startswith("body.sources.")]
    if not lines:
        field = "sessionKey: " if document.status == 401 else ""
        lines = [f"{part.elements[0] + 1}: {field}{document.detail} {document.advice}".rstrip()]
    status = document.status if document.status in (429, 500, 503) else 400
    return Problem(status, document.type.rpartition(":")[2], "\n".join(lines), headers=problem.headers)


def _line(part: Part, error: Reason) -> str:
    source = int(str(error.field).rpartition(".")[2])
    return f"{part.element_of(source) + 1}: targetUri: {error.which}: {error.what} {error.advice}".rstrip()


def _all_of(refused: Sequence[Problem]) -> Problem:
    """Say it all at once; what may pass by itself counts only where nothing else is wrong."""
    worst = min(refused, key=lambda each: each.document.status)
    words = "\n".join(each.document.detail for each in refused)
    return Problem(worst.document.status, worst.document.type.rpartition(":")[2], words, headers=worst.headers)


async def _end_sessions_later(neighbours: Services, parts: Sequence[Part], grants: Sequence[Grant]) -> None:
    for tag, (part, grant) in {_tag(part): (part, grant) for part, grant in zip(parts, grants, strict=True)}.items():
        session = SessionToEnd(server=part.server, user=grant.standing.owner.user, key=part.key)
        await neighbours.runs.end_later(tag, seal(session, neighbours.settings.seal_keys))


async def _take_back(neighbours: Services, parts: Sequence[Part], entered: Sequence[Entered]) -> None:
    """Leave nothing of a batch that was not taken as a whole; what cannot be reached is found when it is sent again."""
    try:
        for each in entered:
            if each.just_made:
                stopped = await neighbours.runs.cancel(each.run, "the courier, which could not take the whole batch")
                await neighbours.runs.forget(stopped)
        for part in parts:
            if await neighbours.runs.living_in(part.server, _tag(part)) == 0:
                await neighbours.runs.end_not(_tag(part))
    except (EngineAway, RunOver, RunUnderWay) as failed:
        log.warning("some of a batch that was refused could not be taken back: %r", failed)


def _tag(part: Part) -> str:
    return session_tag(part.key.get_secret_value())


def _response(neighbours: Services, element: ImportElement, named: Named) -> ImportResponse:
    import_id = make_id(IMPORT, named, neighbours.settings.seal_keys)
    return ImportResponse(statusUri=f"{IMPORTS}/{import_id}", targetUri=read_place(element.target_uri).uri)
