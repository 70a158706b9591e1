"""One attempt of a flow run: what surrounds the stages, so that the flow is a page of plain calls.

Reads the settings, opens the ledger, publishes it, hears the cancel, and always ends with the message to the user.
"""

import contextvars
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Completed, Failed

from flows.carried import drop_carried_session, take_carried_session
from flows.core.errors import CourierError, FilesetsUnfinished, ImportCancelled, UnexpectedFault
from flows.core.job import Chunk, Job
from flows.core.notify import headline, report_page
from flows.core.requests import Failure, ImportRequest
from flows.core.settings import Settings, read_settings
from flows.core.status import ImportReport
from flows.log import tidy_log
from flows.publish import Publisher

log = logging.getLogger(__name__)


def name_run() -> str:
    """Name a run after what was asked: `alice: cells.tif into Dataset:name:Cells`."""
    return ImportRequest.model_validate(this_run.parameters["request"]).title


class Attempt:
    """What the stages of one attempt share, and what becomes of it."""

    def __init__(self, job: Job, publisher: Publisher, settings: Settings) -> None:
        """Begin."""
        self.job = job
        self._publisher = publisher
        self._settings = settings
        self._started = datetime.now(UTC)
        self._failure: Failure | None = None

    def side_by_side(self, work: Callable[["Attempt", Chunk], None], chunks: Sequence[Chunk]) -> None:
        """Pass each chunk through `work`, a few at a time, so that one is copied while another is imported."""
        self._publisher.rename(self.job.title, self.job.tags)
        with ThreadPoolExecutor(self.job.server.filesets_per_run + 1, "chunk") as pool:
            try:
                for done in [pool.submit(contextvars.copy_context().run, work, self, chunk) for chunk in chunks]:
                    done.result()
            except BaseException:
                self.job.ledger.cancel()
                raise

    def outcome(self, state: State[Any]) -> None:
        """Take note of a stage that ended as the ledger does not explain: a bug, or a fault of the machine."""
        error = state.result(raise_on_failure=False) if state.data is not None else None
        if isinstance(error, Exception) and not isinstance(error, FilesetsUnfinished | ImportCancelled):
            self.stopped_by(error if isinstance(error, CourierError) else unexpected(error))

    def stragglers(self) -> tuple[Chunk, ...]:
        """Return those that failed but may still succeed, each alone: they get a further round."""
        keys = set(self.job.ledger.stragglers())
        return tuple(Chunk((each,)) for each in self.job.filesets if each.key in keys)

    def stopped_by(self, error: CourierError) -> None:
        """Keep what stopped the import as a whole; the first reason stays."""
        log.error("%s", error)
        if not isinstance(error, ImportCancelled) and self._failure is None:
            self._failure = Failure.of(error)

    def report(self) -> ImportReport:
        """Say what became of everything."""
        resolved = self.job.resolved
        console = self._settings.console.url.rstrip("/")
        return ImportReport(
            run_id=self.job.run_id,
            run_name=self.job.title,
            run_url=f"{console}/runs/flow-run/{self.job.run_id}",
            server=self.job.server_name,
            web_url=self.job.server.web_url,
            user=self.job.request.on_behalf_of,
            group=self.job.request.group,
            target=self.job.target_text,
            target_kind=resolved.kind if resolved else None,
            target_id=resolved.id if resolved else None,
            started=self._started,
            ended=datetime.now(UTC),
            filesets=self.job.ledger.statuses(),
            failure=self._failure,
            cancelled=self.job.ledger.cancelled,
            receivers=self.job.receivers,
        )

    def end(self, at_the_end: Callable[[Job, ImportReport], object]) -> None:
        """Give everything an outcome, show the report, and tell the people."""
        self.job.ledger.settle(UnexpectedFault("The import ended before this was imported."))
        report = self.report()
        self._publisher.page(report_page(report))
        at_the_end(self.job, report)

    def verdict(self) -> State[None]:
        """Return the state that the run ends in."""
        report = self.report()
        message = headline(report)
        if report.failure is not None:
            message = f"{message}. {report.failure.advice}"
        if report.cancelled:
            return Cancelled(message=message)
        if not report.failures:
            return Completed(message=message)
        return Failed(name="PartlyFailed" if report.imported else "Failed", message=message)


@contextmanager
def attempt(request: ImportRequest, *, at_the_end: Callable[..., object]) -> Iterator[Attempt]:
    """Surround the stages: whatever happens inside, the outcome is shown and told."""
    tidy_log()
    settings = read_settings()
    run_id = UUID(str(this_run.id))
    carried = partial(take_carried_session, settings)
    job = Job(str(run_id), request, settings, carried=carried, repeated=this_run.run_count > 1)
    publisher = Publisher(run_id, job.ledger)
    run = Attempt(job, publisher, settings)
    interrupted: BaseException | None = None
    with publisher, job:
        try:
            yield run
        except CourierError as error:
            run.stopped_by(error)
        except TerminationSignal as signal:
            job.ledger.cancel()
            interrupted = signal
        except Exception as error:  # noqa: BLE001 - the outermost hook: nobody is left without an answer
            run.stopped_by(unexpected(error))
    run.end(lambda job, report: at_the_end(job, report, return_state=True))
    drop_carried_session()
    if interrupted is not None:
        raise interrupted


def unexpected(error: Exception) -> UnexpectedFault:
    """Turn a bug, or a fault of the machine, into a failure that can be told."""
    log.exception("An unexpected fault", exc_info=error)
    return UnexpectedFault(f"{type(error).__name__}: {error}")
