"""Hands the files of an import that are to be moved or deleted later over to a run of their own."""

import logging
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Scheduled

from flows.core import names
from flows.core.job import Job
from flows.core.leaving import is_open
from flows.core.status import FilesetStatus, PutAway
from flows.history import times_asked
from flows.patience import patiently
from flows.upkeep.runs import history

log = logging.getLogger(__name__)


def hand_over_put_away(client: SyncPrefectClient, run: FlowRun, job: Job) -> None:
    """Ask for a run that looks after the files when their time comes, unless there is one, or nothing is to be done.

    Where that is not possible the files stay, and it is said so.
    """
    statuses = job.ledger.statuses()
    if job.ledger.cancelled or not is_open(job.request.after_import, statuses):
        return
    if job.server.service_account is None:
        _keep(job, statuses, "OMERO can only be asked about it while the import runs.", "session-needed")
        return
    try:
        patiently(partial(_make, client, run, job, _due(statuses)))
    except (httpx.HTTPError, PrefectException) as error:
        log.error("The files of %s stay, since Prefect takes no run for them: %s", run.name, type(error).__name__)
        _keep(job, statuses, "Nobody looks after it: the operator should run `make deploy`.", "not-handed-over")


def _make(client: SyncPrefectClient, run: FlowRun, job: Job, due: datetime) -> None:
    name = names.put_away_deployment(_deployment_of(client, run, job))
    deployment = client.read_deployment_by_name(f"{names.PUT_AWAY_FLOW}/{name}")
    state: State[None] = Scheduled(scheduled_time=due)
    client.create_flow_run_from_deployment(
        deployment.id,
        name=f"files of {job.title}"[:200],
        parameters={"import_id": job.run_id},
        work_queue_name=names.queue_of(bulk=True, station=names.station_of(run.work_queue_name)),
        state=state,
        tags=[
            names.user_tag(job.request.on_behalf_of),
            names.server_tag(job.server_name),
            names.about_tag(job.run_id),
        ],
        idempotency_key=f"put-away/{job.run_id}/{times_asked(history(client, UUID(job.run_id)))}",
    )


def _deployment_of(client: SyncPrefectClient, run: FlowRun, job: Job) -> str:
    """Name the deployment of the import: its workers see the files."""
    if run.deployment_id is None:
        return job.server_name
    try:
        return client.read_deployment(run.deployment_id).name
    except ObjectNotFound:
        return job.server_name


def _due(statuses: tuple[FilesetStatus, ...]) -> datetime:
    due = [each.put_away.due for each in statuses if each.put_away is not None and each.put_away.due is not None]
    return max(due, default=datetime.now(UTC))


def _keep(job: Job, statuses: tuple[FilesetStatus, ...], reason: str, code: str) -> None:
    for status in statuses:
        if is_open(job.request.after_import, [status]):
            before = status.put_away.reason if status.put_away is not None else ""
            job.ledger.put_away(status.key, PutAway(outcome="kept", code=code, reason=f"{before} {reason}".strip()))
