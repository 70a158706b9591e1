"""The routes about sessions: a password in, a sealed handle out; nothing is kept here."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from pydantic import SecretStr

from api.callers import SessionCredential, choose_server
from api.imports import Server
from api.models import NewSession, Session
from api.problems import Problem
from api.runs import EngineAway
from api.services import Address, Neighbours, Presented, Services
from flows.core.names import session_tag
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
    carried = None
    if settings.servers[server].service_account is None:
        _, carried = await neighbours.blocking(
            lambda: neighbours.omero.log_in(server, body.user, body.password, body.group), away=f"OMERO {server}"
        )
    await neighbours.note("log-in", f"user:{proof.user}", address=address, server=server, as_whom=proof.user)
    response.headers["Cache-Control"] = "no-store"
    handle = SessionHandle(server=server, user=proof.user, key=key, carried=carried, made=datetime.now(UTC))
    return Session(
        token=seal(handle, settings.seal_keys),
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
    if (carried := credential.carried) is not None and not await _lived_in(neighbours, at, carried):
        await neighbours.blocking(lambda: neighbours.omero.end(at, carried), away=f"OMERO {at}")


async def _lived_in(neighbours: Services, server: str, key: SecretStr) -> bool:
    """Whether imports live in this session; where nobody can tell it is left to end by itself, as it does then."""
    try:
        return await neighbours.runs.living_in(server, session_tag(key.get_secret_value())) > 0
    except EngineAway:
        return True
