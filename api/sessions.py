"""The routes about sessions: a password in, a sealed handle out; nothing is kept here."""

from fastapi import APIRouter, Response

from api.callers import SessionCredential, choose_server
from api.imports import Server
from api.models import NewSession, Session
from api.problems import Problem
from api.services import Address, Neighbours, Presented
from flows.core.seal import SessionHandle, seal

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.post("", status_code=201, summary="Log in")
async def log_in(body: NewSession, neighbours: Neighbours, address: Address, response: Response) -> Session:
    """Make an OMERO session with user and password, and hand it out sealed: the token for every other call."""
    settings = neighbours.settings
    server = choose_server(settings, None, body.server, "body.server")
    proof, key = await neighbours.blocking(
        lambda: neighbours.omero.log_in(server, body.user, body.password, body.group), away=f"OMERO {server}"
    )
    await neighbours.note("log-in", f"user:{proof.user}", address=address, server=server, as_whom=proof.user)
    response.headers["Cache-Control"] = "no-store"
    return Session(
        token=seal(SessionHandle(server=server, user=proof.user, key=key), settings.seal_keys),
        server=server,
        user=proof.user,
        group=proof.group,
        groups=sorted(proof.groups),
        idle_seconds=int(settings.http.session_idle_hours * 3600),
    )


@router.delete("/current", status_code=204, summary="Log out")
async def log_out(neighbours: Neighbours, credential: Presented, server: Server = None) -> None:
    """End the OMERO session that you call with. Imports go on, unless their answer said that they live in it."""
    if not isinstance(credential, SessionCredential):
        raise Problem(403, "no-session", "An API token has no session that could be ended.")
    at = choose_server(neighbours.settings, credential, server, "query.server")
    neighbours.forget(at, credential.key)
    await neighbours.blocking(lambda: neighbours.omero.end(at, credential.key), away=f"OMERO {at}")
