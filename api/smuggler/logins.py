"""Makes an OMERO session for a client that hands imports over later, with a password that is then forgotten."""

from api.problems import Problem
from api.services import Services
from api.smuggler.batches import server_of
from api.smuggler.models import SHORTEST, NewOmeroSession
from flows.core.errors import LoginRefused, NotPermitted

_HOUR = 3_600_000


async def log_in(neighbours: Services, asked: NewOmeroSession, address: str) -> str:
    """Return the key of a session that lives unused for as long as was asked.

    OMERO itself keeps it: its idle time is what Smuggler's keep-alive comes to, and nobody has to remember it.

    Raises:
        Problem: there is no such server, OMERO refuses, or it is asked for longer than the operator allows.
        CourierError: OMERO does not answer.
    """
    settings = neighbours.settings
    server = server_of(asked, settings.servers)
    hours = max(asked.keep_alive_duration, SHORTEST) / _HOUR
    if hours > settings.smuggler.longest_session_hours:
        longest = int(settings.smuggler.longest_session_hours * _HOUR)
        raise Problem(400, "too-long", f"keepAliveDuration: at most {longest} here.")
    try:
        proof, key = await neighbours.blocking(
            lambda: neighbours.omero.log_in(server, asked.username, asked.password, None, hours),
            away=f"OMERO {server}",
        )
    except (LoginRefused, NotPermitted) as refused:
        raise Problem(400, refused.code, f"cannot create session: {refused.what}") from refused
    await neighbours.note("log-in", f"user:{proof.user}", address=address, server=server, as_whom=proof.user)
    return key.get_secret_value()
