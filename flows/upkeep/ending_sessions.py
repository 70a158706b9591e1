"""The sessions of clients that leave it to the courier to end them: ended after the last import that came with them."""

import logging
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, StateType, Variable

from flows.core.errors import CourierError, LoginRefused, SealBroken
from flows.core.names import SESSION, TOLD, UNTIDY
from flows.core.omero_client import join
from flows.core.seal import TO_END, SessionToEnd, unseal
from flows.core.settings import Settings
from flows.upkeep import notes
from flows.upkeep.outages import away
from flows.upkeep.runs import IMPORTS, LIVING, find, for_a_while, since, tagged
from flows.upkeep.sessions import sealed_anew
from flows.upkeep.told import LOOK_BACK

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=10)
"""A session is noted down before its runs are made."""


def end_sessions(client: SyncPrefectClient, settings: Settings, *, grace: timedelta = GRACE) -> None:
    """End every session that was left to us and that no import needs any more.

    A note is dropped only once OMERO says that its session is over: whoever dies in between leaves nothing open.
    """
    noted = list(notes.starting_with(client, TO_END))
    silent = set(away(client, settings)) if noted else set()
    for each in for_a_while(noted):
        runs = list(find(client, IMPORTS, where.FlowRunFilter(tags=tagged(_tag(each)))))
        needed = any(_needs_it(run) for run in runs) or (not runs and _is_young(each, grace))
        _look_at(client, each, settings, silent, needed=needed)


def _tag(note: Variable) -> str:
    return f"{SESSION}{note.name.removeprefix(TO_END)}"


def _needs_it(run: FlowRun) -> bool:
    """Whether a run is not over, or is still to be told of or cleared up after, which may take its session."""
    if run.state is None or run.state.type in (*LIVING, StateType.CRASHED) or UNTIDY in run.tags:
        return True
    return TOLD not in run.tags and since(run) > datetime.now(UTC) - LOOK_BACK


def _is_young(note: Variable, grace: timedelta) -> bool:
    changed = max(filter(None, (note.created, note.updated)), default=None)
    return changed is not None and changed > datetime.now(UTC) - grace


def _look_at(client: SyncPrefectClient, note: Variable, settings: Settings, silent: set[str], *, needed: bool) -> None:
    try:
        session = unseal(sealed_anew(client, note, settings), SessionToEnd, settings.seal_keys)
    except SealBroken as broken:
        log.warning("a session that was left to us cannot be ended, it ends by itself: %s", broken)
        notes.drop(client, note.name)
        return
    if session.server not in settings.servers:
        notes.drop(client, note.name)
    elif not needed and session.server not in silent:
        _end(client, note, session, settings, silent)


def _end(
    client: SyncPrefectClient, note: Variable, session: SessionToEnd, settings: Settings, silent: set[str]
) -> None:
    server = settings.servers[session.server]
    try:
        join(server, session.key).kill()
        join(server, session.key).close()
    except LoginRefused:
        notes.drop(client, note.name)
        log.info("the session of %s at %s is over, as are the imports that came with it", session.user, session.server)
    except CourierError as error:
        log.info("the session of %s at %s is ended later: %s", session.user, session.server, error)
        silent.add(session.server)
