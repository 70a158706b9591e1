"""Turns an admitted request into a flow run, once, and says what became of it."""

import hashlib
import json
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.admission import Grant
from api.answers import links
from api.models import Accepted, NewImport
from api.problems import Problem
from api.runs import NewRun, Run
from api.services import Services
from flows.core.names import session_tag
from flows.core.requests import ImportRequest
from flows.core.seal import CarriedSession, seal

LATER = "Some of the sources can only be seen by the machine that imports: it checks them first, and tells you."
LIVES_WITH_SESSION = (
    "This OMERO has no service account for the courier, so the import works in your own session and lives only as long "
    "as that: do not log out of it before the import has ended."
)
"""Said to who came with an OMERO session; who came with a password has a second one, made for the imports."""


@dataclass(frozen=True)
class Entered:
    """A run that waits for its turn, or did so before."""

    run: Run
    request: ImportRequest
    just_made: bool
    """Not found: it was this request that made it."""


async def submit(neighbours: Services, grant: Grant, body: NewImport, client_key: str | None, address: str) -> Accepted:
    """Make the run, or find the one that the same key made before, and tell the caller.

    Raises:
        Problem: too much is waiting, or the key was used for something else.
        EngineAway: the workflow engine does not answer.
    """
    entered = await enter(neighbours, grant, body, client_key, address)
    position = await neighbours.waiting_room(grant.server).position(entered.run, just_made=entered.just_made)
    return _accepted(neighbours, grant, entered.request, entered.run, position)


async def enter(
    neighbours: Services,
    grant: Grant,
    body: NewImport,
    client_key: str | None,
    address: str,
    *,
    tags: frozenset[str] = frozenset(),
    not_before: datetime | None = None,
) -> Entered:
    """Make the run, or find the one that the same key made before.

    `tags` are further ones for it; `not_before` is a time for its start where the request names none.

    Raises:
        Problem: too much is waiting, or the key was used for something else.
        EngineAway: the workflow engine does not answer.
    """
    room = neighbours.waiting_room(grant.server)
    await room.check_room()
    request = body.asked_for(grant.standing.owner.user, grant.standing.owner.group, grant.workstation)
    new = _new_run(grant, body, request, client_key)
    new = new.model_copy(update={"tags": new.tags | tags, "start": max(new.start, not_before or new.start)})
    async with room.place(new.user, new.bulk, new.start, new.station) as place:
        run = await _make(neighbours, grant, new.model_copy(update={"held": place.held}))
        place.taken = just_made = run.due == new.start
    if just_made:
        room.one_more()
    await neighbours.note(
        "import",
        grant.standing.who,
        address=address,
        server=grant.server,
        as_whom=request.on_behalf_of,
        import_id=str(run.id),
        target=request.target,
        group=request.group,
        sources=request.sources,
    )
    return Entered(run, request, just_made)


async def _make(neighbours: Services, grant: Grant, new: NewRun) -> Run:
    carried = grant.standing.carried
    if carried is not None:
        session = CarriedSession(server=grant.server, user=grant.standing.owner.user, key=carried)
        await neighbours.runs.carry(new.key, seal(session, neighbours.settings.seal_keys))
    run = await neighbours.runs.create(new)
    if carried is not None:
        await _lives_in(neighbours, run, session_tag(carried.get_secret_value()))
    if run.fingerprint != new.fingerprint:
        raise Problem(
            409,
            "key-reused",
            "This Idempotency-Key was used for another request.",
            advice="Take a new key for a new import; repeat a request with the very same body.",
        )
    return run


async def _lives_in(neighbours: Services, run: Run, tag: str) -> None:
    """See that a run which was there already, and got another session now, is found by that."""
    if run.state.is_over:
        await neighbours.runs.drop(run.key)
    elif tag not in run.tags:
        await neighbours.runs.move(run, tag)


def _new_run(grant: Grant, body: NewImport, request: ImportRequest, client_key: str | None) -> NewRun:
    key = _hash(grant.server, grant.standing.who, client_key) if client_key else uuid.uuid4().hex
    carried, start = grant.standing.carried, datetime.now(UTC)
    if body.not_before is not None and body.not_before > start:
        # Lists are cut into pages by this time: no two runs should share it.
        start = body.not_before + timedelta(microseconds=random.randrange(1_000_000))  # noqa: S311 - no secret
    return NewRun(
        server=grant.server,
        user=request.on_behalf_of,
        name=request.title,
        request=request.model_dump(mode="json", exclude_defaults=True),
        key=key,
        fingerprint=_hash(grant.server, request.on_behalf_of, body.model_dump_json()),
        start=start,
        bulk=request.bulk,
        station=grant.look.station,
        email=grant.standing.owner.email,
        tags=frozenset() if carried is None else frozenset({session_tag(carried.get_secret_value())}),
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _accepted(neighbours: Services, grant: Grant, request: ImportRequest, run: Run, position: int | None) -> Accepted:
    notes = [] if grant.look.complete else [LATER]
    if grant.standing.carried_is_own:
        notes.append(LIVES_WITH_SESSION)
    return Accepted(
        id=run.id,
        state=run.state,
        position=position,
        server=grant.server,
        user=request.on_behalf_of,
        group=request.group,
        target=request.target,
        checked="now" if grant.look.complete else "later",
        notes=notes,
        links=links(run.id, neighbours.settings),
    )
