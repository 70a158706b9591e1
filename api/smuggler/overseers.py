"""Who may see the lists of all that failed: Smuggler shows them to everybody, the courier to whom they belong."""

from typing import Annotated

from fastapi import Depends, Request

from api.callers import Caller, Header, Purpose, SessionCredential, read_credential
from api.imports import Server
from api.problems import Problem
from api.services import Neighbours

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""How a caller on this machine addresses it; a web page that was lured here has another name in its Host header."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def overseer(request: Request, neighbours: Neighbours, header: Header, server: Server = None) -> Caller:
    """Say whose failures the caller may see.

    Raises:
        Problem: nobody knows who they are.
    """
    settings = neighbours.settings
    if header is None and settings.smuggler.open_to_this_machine and _is_here(request):
        return Caller(who="machine:here", servers=frozenset(settings.servers), users=None)
    if header is None:
        raise Problem(
            401,
            "not-authenticated",
            "The lists of what failed are not for everybody: send the header Authorization: Bearer <token>, with an "
            "OMERO session key or an API token.",
            advice="For curl it can stand in ~/.curlrc. The operator can open them to the courier's own machine.",
        )
    credential = read_credential(header, settings)
    asked = server if isinstance(credential, SessionCredential) else None
    return await neighbours.recognise(credential, asked, Purpose.READ)


def _is_here(request: Request) -> bool:
    """Whether the call comes from this machine itself, and not through a proxy on it."""
    if request.client is None or request.client.host not in _LOOPBACK:
        return False
    name = request.headers.get("host", "").lower()
    host = name if name.endswith("]") else name.rpartition(":")[0] or name
    return host in _NAMES and not any(each in request.headers for each in _FORWARDED)


Overseer = Annotated[Caller, Depends(overseer)]
