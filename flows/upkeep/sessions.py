"""The sealed sessions that wait with runs: kept alive, sealed with the newest key, and dropped with their runs."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, StateType, Variable
from prefect.states import Failed
from pydantic import SecretStr

from flows.core.errors import CourierError, LoginRefused, SealBroken, SessionEnded
from flows.core.names import LOGIN_NEEDED, UNTIDY
from flows.core.omero_client import join
from flows.core.seal import CARRIED, CarriedSession, carried_session_name, reseal, unseal
from flows.core.settings import Settings
from flows.upkeep import notes
from flows.upkeep.outages import away
from flows.upkeep.runs import IMPORTS, LIVING, change, find, in_state, tagged
from flows.upkeep.told import untold

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=10)
"""A session is noted down before its run is made."""


def look_after_sessions(client: SyncPrefectClient, settings: Settings, *, grace: timedelta = GRACE) -> None:
    """Look after every session that waits with a run; one without a run is dropped after a while."""
    carried = list(notes.starting_with(client, CARRIED))
    if not carried:
        return
    needed = _runs_by_session(client)
    is_alive = cache(partial(_is_alive, settings, set(away(client, settings))))
    for each in carried:
        if (run := needed.get(each.name)) is None:
            _drop_if_old(client, each, grace)
            continue
        try:
            sealed = sealed_anew(client, each, settings)
            session = unseal(sealed, CarriedSession, settings.seal_keys)
        except SealBroken as broken:
            log.warning("%s: its session cannot be opened: %s", run.name, broken)
            continue
        if not is_alive(session.server, session.key.get_secret_value()):
            _ask_for_login(client, run)


def _runs_by_session(client: SyncPrefectClient) -> Mapping[str, FlowRun]:
    """Return the runs that still need a session: to come, under way, to be told of, or to be cleared up after."""
    wanted = (
        where.FlowRunFilter(state=in_state([*LIVING, StateType.CRASHED])),
        where.FlowRunFilter(tags=tagged(UNTIDY)),
    )
    runs = chain(*(find(client, IMPORTS, each) for each in wanted), untold(client, datetime.now(UTC)))
    return {carried_session_name(run.idempotency_key): run for run in runs if run.idempotency_key}


def _drop_if_old(client: SyncPrefectClient, carried: Variable, grace: timedelta) -> None:
    changed = max(filter(None, (carried.created, carried.updated)), default=None)
    if changed is None or changed < datetime.now(UTC) - grace:
        notes.drop(client, carried.name)


def sealed_anew(client: SyncPrefectClient, carried: Variable, settings: Settings) -> str:
    """Return a sealed session, sealed with the newest key from now on.

    Raises:
        SealBroken: no key opens it.
    """
    sealed = str(carried.value)
    if (anew := reseal(sealed, settings.seal_keys)) != sealed:
        now = client.read_variable_by_name(carried.name)
        if now is not None and now.value == sealed:
            notes.write(client, carried.name, anew)
    return anew


def _is_alive(settings: Settings, away: set[str], server: str, key: str) -> bool:
    """Give a sign of life, and say whether the session lives: where that cannot be told, it does."""
    if server not in settings.servers or server in away:
        return True
    try:
        join(settings.servers[server], SecretStr(key)).close()
    except LoginRefused:
        return settings.servers[server].service_account is not None
    except CourierError as error:
        log.info("sessions at %s get no sign of life: %s", server, error)
        away.add(server)  # it is not asked again for each session
    return True


def _ask_for_login(client: SyncPrefectClient, run: FlowRun) -> None:
    """End a waiting run whose session has ended: its user need not wait for the next try to hear that."""
    if run.state is not None and run.state.is_scheduled():
        change(client, run, Failed(name=LOGIN_NEEDED, message=str(SessionEnded())))
