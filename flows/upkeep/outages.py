"""An OMERO server that is away: its pool is paused for all its runs, and resumed when it answers again.

A pool that an operator paused stays as it is: ours are known by the note that goes with the pause.
"""

import logging
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate

from flows.core.errors import CourierError
from flows.core.names import outage_name, pool_of
from flows.core.omero_client import check_answers
from flows.core.settings import OmeroServer, Settings
from flows.upkeep import notes

log = logging.getLogger(__name__)

PROBE_SECONDS = 15.0
"""An OMERO that answers more slowly than that is not back yet."""


def report_outage(client: SyncPrefectClient, server: str, reason: str) -> None:
    """Let nothing start for a server that is away, until housekeeping finds that it answers.

    Several runs may report at once. A pool that an operator paused is left alone.
    """
    pool = pool_of(server)
    if client.read_work_pool(pool).is_paused and notes.read(client, outage_name(server)) is None:
        return
    _note(client, server, reason)
    client.update_work_pool(pool, WorkPoolUpdate(is_paused=True))
    # Housekeeping may have ended the outage meanwhile: the pause must not stay without its note.
    _note(client, server, reason)


def end_outages(client: SyncPrefectClient, settings: Settings) -> None:
    """Ask each server that was away whether it is back; its runs start again then."""
    for name, server in settings.servers.items():
        outage = notes.read(client, outage_name(name))
        if outage is None:
            continue
        if (still := why_away(server)) is None:
            _end(client, name, str(outage.get("reason", "")))
        else:
            log.info("%s is still away: %s", name, still)
            client.update_work_pool(pool_of(name), WorkPoolUpdate(is_paused=True))


def away(client: SyncPrefectClient, settings: Settings) -> list[str]:
    """Return the servers that are known to be away."""
    return [name for name in settings.servers if notes.read(client, outage_name(name)) is not None]


def why_away(server: OmeroServer) -> str | None:
    """Ask a server once, and say why nothing can be imported into it now; None when something can."""
    patience = {
        "connect_timeout": min(server.connect_timeout, PROBE_SECONDS),
        "call_timeout": min(server.call_timeout, PROBE_SECONDS),
    }
    hurried = server.model_copy(update=patience)
    try:
        check_answers(hurried)
    except CourierError as error:
        # What does not pass by itself the runs are to say.
        return str(error) if error.transient else None
    return None


def _note(client: SyncPrefectClient, server: str, reason: str) -> None:
    content = {"since": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason}
    if notes.begin(client, outage_name(server), content):
        log.warning("%s is away, its work pool is paused until it answers: %s", server, reason)


def _end(client: SyncPrefectClient, server: str, reason: str) -> None:
    pool = pool_of(server)
    client.update_work_pool(pool, WorkPoolUpdate(is_paused=False))
    notes.drop(client, outage_name(server))
    log.info("%s answers again, its work pool goes on", server)
    if client.read_work_pool(pool).is_paused:
        _note(client, server, reason)  # somebody found it away again just now
