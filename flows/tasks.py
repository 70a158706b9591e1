"""Tasks: each is a policy (name, retries) and one call into the core."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Cancelled, Completed, Failed
from prefect.tasks import Task

from flows.core import pipeline
from flows.core.errors import CourierError
from flows.core.job import Chunk, Job
from flows.core.leaving import leave
from flows.core.ledger import STOPS
from flows.core.notify import letters
from flows.core.status import ImportReport
from flows.outbox import About, deliver

DELAYS = [1.0, 4.0, 15.0]
"""Seconds before each further try; longer waits must not hold a process."""

P = ParamSpec("P")
R = TypeVar("R")


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Say whether trying again may help: Prefect asks after each failed try."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, CourierError) and error.transient and not isinstance(error, STOPS)


def stage(name: str, run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task with the policy that all stages share: transient failures are tried again, nothing is cached."""
    return task(
        name=name,
        task_run_name=run_name,
        retries=len(DELAYS),
        retry_delay_seconds=DELAYS,
        retry_jitter_factor=0.3,
        retry_condition_fn=is_transient,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


@stage("prepare", "prepare")
def prepare(job: Job) -> tuple[Chunk, ...]:
    """Log in, check group and target, find the files, and cut them into chunks of filesets."""
    return pipeline.prepare(job)


@stage("verify", "verify {chunk}")
def verify_files(job: Job, chunk: Chunk) -> State[None]:
    """See that the files are there, complete, settled, readable and sound."""
    return ended(pipeline.verify, job, chunk)


@stage("transfer", "transfer {chunk}")
def transfer_files(job: Job, chunk: Chunk) -> State[None]:
    """Bring the bytes to where the import reads them."""
    return ended(pipeline.transfer, job, chunk)


@stage("import", "import {chunk}")
def import_files(job: Job, chunk: Chunk) -> State[None]:
    """Bring the files into OMERO, and read the images back."""
    return ended(pipeline.bring_in, job, chunk)


def ended(work: Callable[[Job, Chunk], str | None], job: Job, chunk: Chunk) -> State[None]:
    """Do the work and say how it ended: a failed fileset shows red in the UI, and stops nothing.

    Nothing is begun, or tried again, once the run was stopped.
    """
    try:
        job.ledger.raise_stop()
        try:
            failed = work(job, chunk)
        except CourierError:
            job.ledger.raise_stop()
            raise
    except STOPS as stopped:
        return Cancelled(message=str(stopped))
    return Failed(message=failed) if failed else Completed()


@task(name="put away", task_run_name="put away", cache_policy=NO_CACHE, persist_result=False)
def put_away_files(job: Job) -> None:
    """Move or delete the files as was asked, once OMERO was seen to hold the same bytes."""
    leave(job, job.found, over=datetime.now(UTC))


@stage("notify", "notify")
def notify(job: Job, report: Callable[[], ImportReport]) -> None:
    """Tell the user what became of the import, and the administrators what failed for good.

    A function gives the report, since Prefect looks through all that is in a value, for each task.
    """
    told, settings = report(), job.settings.notifications
    about = About(run_id=job.run_id, user=told.user, server=told.server)
    deliver(letters(told, settings.administrators), about, settings, job.told)
