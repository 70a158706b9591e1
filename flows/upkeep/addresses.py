"""Where the user of a run can be reached: as the request says, or as OMERO knew while it could be asked."""

import logging

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from flows.core.errors import CourierError
from flows.core.names import EMAIL, server_tag
from flows.core.notify import receivers
from flows.core.omero_client import join, sudo
from flows.core.seal import CarriedSession, carried_session_name, unseal
from flows.core.settings import Settings
from flows.upkeep.runs import tag_value

log = logging.getLogger(__name__)


def receivers_of(run: FlowRun, settings: Settings) -> tuple[str, ...]:
    """Say who can be told of a run, without asking OMERO."""
    asked = run.parameters.get("request", {}).get("notify") or ()
    return receivers(asked, noted_address(run) if settings.notifications.mail else None)


def noted_address(run: FlowRun) -> str | None:
    """Return the address that was noted on a run, if one was."""
    noted = run.labels.get(EMAIL)
    return str(noted) if noted else None


def note_address(client: SyncPrefectClient, run: FlowRun, address: str | None) -> None:
    """Note the address in the user's OMERO profile, for when OMERO is away."""
    if address and run.labels.get(EMAIL) != address:
        client.update_flow_run_labels(run.id, {EMAIL: address})
        run.labels[EMAIL] = address


def find_address(client: SyncPrefectClient, run: FlowRun, settings: Settings) -> None:
    """Ask OMERO where the user can be reached, unless that is known; where it cannot be asked, nothing happens."""
    server = settings.servers.get(tag_value(run, server_tag("")) or "")
    if server is None or receivers_of(run, settings) or not settings.notifications.mail:
        return
    try:
        if (key := carried_key(client, run, settings)) is not None:
            with join(server, key) as session:
                note_address(client, run, session.email)
            return
        session = sudo(server, run.parameters["request"]["on_behalf_of"])
    except CourierError as error:
        log.info("%s: nobody knows where its user can be reached: %s", run.name, error)
        return
    note_address(client, run, session.email)
    session.kill()


def carried_key(client: SyncPrefectClient, run: FlowRun, settings: Settings) -> SecretStr | None:
    """Return the session that waits with a run, if one does.

    Raises:
        SealBroken: no key opens it.
    """
    if not run.idempotency_key:
        return None
    carried = client.read_variable_by_name(carried_session_name(run.idempotency_key))
    return None if carried is None else unseal(str(carried.value), CarriedSession, settings.seal_keys).key
