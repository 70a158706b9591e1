"""Lets an import that is over begin again, with the request as it was."""

from datetime import UTC, datetime

from pydantic import SecretStr

from api.admission import session_to_carry
from api.callers import Caller, Credential, TokenCredential
from api.problems import Problem
from api.runs import ImportState, Retry, Run, RunUnderWay
from api.services import Services
from flows.core.names import session_tag
from flows.core.seal import CarriedSession, seal


def under_way() -> Problem:
    """Say that an import is not over."""
    return Problem(
        409,
        "under-way",
        "This import waits or runs: there is nothing to retry or to forget.",
        advice="Wait for its end, or cancel it first.",
    )


async def again(neighbours: Services, caller: Caller, credential: Credential, run: Run, what: Retry) -> Run:
    """Let it begin again, as soon as it is its turn.

    Raises:
        Problem: it is not over, nothing of it failed, too much waits, or it takes a session that the caller lacks.
        CourierError: OMERO refuses the session, or does not answer.
    """
    if not run.state.is_over:
        raise under_way()
    if run.state is ImportState.COMPLETED and what is Retry.FAILED:
        raise Problem(
            409, "nothing-failed", "Everything is in OMERO.", advice='Send {"what": "all"} to repeat all of it.'
        )
    room = neighbours.waiting_room(run.server)
    await room.check_room()
    carried = await _session(neighbours, caller, credential, run)
    if carried is not None:
        session = CarriedSession(server=run.server, user=run.user, key=carried)
        await neighbours.runs.carry(run.key, seal(session, neighbours.settings.seal_keys))
        run = await neighbours.runs.move(run, session_tag(carried.get_secret_value()))
    async with room.place(run.user, run.bulk, datetime.now(UTC), run.station) as place:
        try:
            begun = await neighbours.runs.retry(run, caller.name, what, place.held)
        except RunUnderWay as meanwhile:
            raise under_way() from meanwhile
        place.taken = True
    return begun


async def _session(neighbours: Services, caller: Caller, credential: Credential, run: Run) -> SecretStr | None:
    if neighbours.settings.servers[run.server].service_account is not None:
        return None
    if isinstance(credential, TokenCredential) or caller.who != f"user:{run.user}":
        raise Problem(
            403,
            "session-needed",
            f"The courier has no service account at {run.server}, so this import needs {run.user}'s own session.",
            advice=f"{run.user} logs in with POST /v1/sessions and retries it.",
        )
    return await session_to_carry(neighbours, credential, run.server)
