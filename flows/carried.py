"""The sealed session that waits with a run where OMERO has no service account: kept as a Prefect Variable."""

import logging

import httpx
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from pydantic import SecretStr

from flows.core.errors import LoginRefused
from flows.core.seal import CarriedSession, carried_session_name, unseal
from flows.core.settings import Settings

log = logging.getLogger(__name__)


def take_carried_session(settings: Settings) -> SecretStr | None:
    """Return the OMERO session key that came with this run, or None where there is none.

    Raises:
        SealBroken: it was sealed with a key that this worker does not have.
        LoginRefused: it was made on another server than the one this run imports into.
    """
    if (name := _name()) is None:
        return None
    with get_client(sync_client=True) as client:
        variable = client.read_variable_by_name(name)
    if variable is None:
        return None
    session = unseal(str(variable.value), CarriedSession, settings.seal_keys)
    if settings.server not in (None, session.server):
        raise LoginRefused("The session that came with this import belongs to another OMERO server.")
    return session.key


def drop_carried_session() -> None:
    """Forget the session once the run has ended: it lives no longer than its import."""
    if (name := _name()) is None:
        return
    try:
        with get_client(sync_client=True) as client:
            if client.read_variable_by_name(name) is not None:
                client.delete_variable_by_name(name)
    except httpx.HTTPError as away:
        log.warning("The sealed session of this run stays in the Variable %s, delete it there: %s", name, away)


def _name() -> str | None:
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return carried_session_name(run.idempotency_key) if run is not None and run.idempotency_key else None
