"""The routes about messages that could not be sent."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.callers import Caller, Credential, Purpose
from api.imports import Server
from api.models import UnsentList, UnsentMessage
from api.problems import Problem
from api.runs import Message, RunUnknown
from api.services import Address, Neighbours, Presented, Services

router = APIRouter(prefix="/v1/notifications/failed", tags=["notifications"])


@router.get("", summary="List unsent messages")
async def unsent(
    neighbours: Neighbours,
    credential: Presented,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    server: Server = None,
) -> UnsentList:
    """Say which messages about your imports could not be sent, though it was tried long; all for administrators."""
    caller = await neighbours.recognise(credential, server, Purpose.READ)
    at = caller.only_server
    found = await neighbours.runs.unsent(at, caller.users, limit)
    waiting = await neighbours.runs.still_to_send(at, caller.users)
    return UnsentList(messages=[_told(each) for each in found], waiting=waiting)


@router.post("/{message_id}/retry", status_code=202, summary="Send a message again")
async def send_again(
    message_id: str, neighbours: Neighbours, credential: Presented, address: Address, server: Server = None
) -> UnsentMessage:
    """Try to send it, now; if that fails it is tried again along the same intervals as at first."""
    caller, message = await _own(message_id, neighbours, credential, server)
    await neighbours.runs.send_again(message, caller.name)
    await _note(neighbours, "send-again", caller, message, address)
    return _told(message)


@router.delete("/{message_id}", status_code=204, summary="Delete a message")
async def discard(
    message_id: str, neighbours: Neighbours, credential: Presented, address: Address, server: Server = None
) -> None:
    """Delete a message that nobody needs any more."""
    caller, message = await _own(message_id, neighbours, credential, server)
    await neighbours.runs.discard(message)
    await _note(neighbours, "discard-message", caller, message, address)


async def _own(
    message_id: str, neighbours: Services, credential: Credential, server: str | None
) -> tuple[Caller, Message]:
    """Return one of the caller's messages; somebody else's is answered exactly as one that does not exist."""
    caller = await neighbours.recognise(credential, server)
    try:
        message = await neighbours.runs.message(UUID(message_id))
    except (RunUnknown, ValueError):
        message = None
    if message is None or not caller.may_see(message):
        raise Problem(404, "unknown-message", "There is no unsent message of yours with this id.")
    return caller, message


async def _note(neighbours: Services, action: str, caller: Caller, message: Message, address: str) -> None:
    await neighbours.note(
        action, caller.who, address=address, server=message.server, as_whom=message.user, import_id=message.about
    )


def _told(message: Message) -> UnsentMessage:
    return UnsentMessage(**message.model_dump(exclude={"about", "servers"}), import_id=message.about)
