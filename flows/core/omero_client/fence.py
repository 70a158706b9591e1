"""Ends what earlier attempts of a run still hold in OMERO, so that a process only thought dead can do no harm."""

import logging

from pydantic import SecretStr

from flows.core.errors import OmeroBusy, SessionEnded, SessionLost
from flows.core.names import agent_of
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.logins import join
from flows.core.omero_client.processes import stop_all
from flows.core.omero_client.session import OmeroSession

log = logging.getLogger(__name__)


def fence(session: OmeroSession, run_id: str, attempt: int) -> int:
    """End, for everybody, all sessions of earlier attempts of a run, and return how many there were.

    Also those of this very attempt that it has lost. Found by their agent, among those that the same service account
    made for the same user (omero-server: SessionManagerImpl.findSameUser), so no login of the user's own, no session
    of another run, and none that was carried, is touched.

    What OMERO was importing in them is stopped first, between two of its steps, and that is waited for: it has then
    saved all its images or none, and saves nothing later. A step that is under way when the session ends all the same
    can save nothing once its fileset was deleted: OMERO's database refuses images of a fileset that is not there.
    So what is looked up after this is final.

    Args:
        session: of the present attempt.
        run_id: of the run.
        attempt: the number of the present attempt.

    Raises:
        OmeroUnavailable: OMERO does not answer.
    """
    keys = sessions_of(session, run_id, attempt)
    older = [SecretStr(key) for key in keys if key != session.key.get_secret_value()]
    for key in older:
        _end(session, key)
    if older:
        log.warning("ended %d OMERO sessions that earlier attempts of this import had left", len(older))
    return len(older)


def sessions_of(session: OmeroSession, run_id: str, attempts: int) -> list[str]:
    """Return the keys of the sessions that the first so many attempts of a run hold, of the same user.

    Raises:
        OmeroUnavailable: OMERO does not answer.
    """
    with speaking_to(session.server.host, doing="looking for the sessions of attempts"):
        service = session.services.getSessionService()
        found = [each for k in range(attempts + 1) for each in service.getMyOpenAgentSessions(agent_of(run_id, k))]
    return list(dict.fromkeys(each.uuid.val for each in found))


def _end(session: OmeroSession, key: SecretStr) -> None:
    try:
        held = join(session.server, key)
    except SessionEnded:
        return
    try:
        stop_all(held)
    except SessionLost:
        log.debug("it ended by itself")
    except OmeroBusy as busy:
        log.warning("%s Its session is ended all the same.", busy)
    finally:
        held.kill()
