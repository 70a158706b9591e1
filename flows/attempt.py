"""One attempt of a flow run: what surrounds the stages, so that the flow is a page of plain calls.

Reads the settings, takes up what earlier attempts left, publishes the ledger, hears the cancel, and ends in one of
three ways: with a message to the user, with a further try later, or without a word when another attempt took over.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import Abort, TerminationSignal
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Completed, Failed

from flows.carried import drop_carried_session, take_carried_session
from flows.core.errors import (
    AttemptSuperseded,
    CourierError,
    FilesetsUnfinished,
    ImportCancelled,
    RunPutOff,
    SessionEnded,
    UnexpectedFault,
)
from flows.core.job import Chunk, Job, Surroundings
from flows.core.leaving import is_open
from flows.core.ledger import STOPS, Ledger
from flows.core.names import LOGIN_NEEDED, PARTLY_FAILED
from flows.core.notify import headline, report_page
from flows.core.requests import Failure, ImportRequest
from flows.core.settings import Settings, read_settings
from flows.core.status import ImportReport
from flows.core.worker_orders import Gate, be_gentle
from flows.further_tries import FurtherTry, further_try, reasons_to_try_again
from flows.locks import named_lock, striped_lock
from flows.log import tidy_log
from flows.passing import Passing
from flows.patience import patiently
from flows.publish import Publisher
from flows.run_record import RunRecord
from flows.upkeep.outages import why_away

log = logging.getLogger(__name__)
End = Callable[..., State[None]]


def name_run() -> str:
    """Name a run after what was asked: `alice: cells.tif into Dataset:name:Cells`."""
    return ImportRequest.model_validate(this_run.parameters["request"]).title


class Attempt:
    """What the stages of one attempt share, and what becomes of it."""

    def __init__(self, job: Job, record: RunRecord, publisher: Publisher, settings: Settings) -> None:
        """Begin."""
        self.job = job
        self._record = record
        self._publisher = publisher
        self._settings = settings
        self._started = datetime.now(UTC)
        self._failure: Failure | None = None
        self._later: FurtherTry | None = None
        self._passing = Passing(job, record, self.heed_signal)

    def take_up(self) -> None:
        """Go on where an earlier attempt ended; where a person asked for it, also with what had failed for good."""
        self.job.account.email = self._record.email
        self._record.note_who_asked(self.job)
        if not self._record.from_the_start:
            earlier = patiently(self._publisher.earlier)
            self.job.ledger.restore(earlier, failed_too=self._record.asked_by_person)

    def side_by_side(self, work: Callable[["Attempt", Chunk], None], chunks: Sequence[Chunk]) -> None:
        """Pass each chunk through `work`, a few at a time, so that one is copied while another is imported."""
        self._publisher.rename(self.job.title, self.job.tags | self._record.tags)
        self._record.note_address(self.job.account.email)
        self._passing.through(partial(work, self), chunks)

    def heed_signal(self) -> None:
        """Tell a cancelled run, which Prefect ends with a signal, from a worker that is being stopped."""
        try:
            run = patiently(self._record.look)
        except (AttemptSuperseded, ImportCancelled) as stop:
            self.job.ledger.stop(stop)
            return
        cancelled = run.state is not None and run.state.type is StateType.CANCELLING
        self.job.ledger.stop(ImportCancelled() if cancelled else RunPutOff("The worker was told to stop."))

    def outcome(self, state: State[Any]) -> None:
        """Take note of a stage that ended as the ledger does not explain: a bug, or a fault of the machine."""
        error = state.result(raise_on_failure=False) if state.data is not None else None
        if isinstance(error, Exception) and not isinstance(error, (FilesetsUnfinished, *STOPS)):
            self.stopped_by(error if isinstance(error, CourierError) else unexpected(error))

    def stragglers(self) -> tuple[Chunk, ...]:
        """Return those that failed but may still succeed, each alone: they get a further round."""
        keys = set(self.job.ledger.stragglers())
        return tuple(Chunk((each,)) for each in self.job.filesets if each.key in keys)

    def stopped_by(self, error: CourierError) -> None:
        """Keep what stopped the import as a whole; the first reason stays."""
        log.error("%s", error)
        if isinstance(error, STOPS):
            self.job.ledger.stop(error)
        elif self._failure is None:
            self._failure = Failure.of(error)

    def decide(self) -> None:
        """Settle how the attempt ends, while its session and its copies are still there."""
        ledger = self.job.ledger
        if not isinstance(ledger.stopped_by, AttemptSuperseded):
            self._see_whether_cancelled()
        if not isinstance(ledger.stopped_by, AttemptSuperseded | ImportCancelled):
            self._record.tell_of_strain(self.job.server_name, reasons_to_try_again(ledger, self._failure))
            self._later = further_try(
                ledger, self._failure, self._record.retries, self._settings.retries, self._hold_if_away
            )
        if self._later is None and ledger.stopped_by is None:
            self._find_address()
        self.job.keeps_copies = self._later is not None or isinstance(ledger.stopped_by, AttemptSuperseded)

    def _find_address(self) -> None:
        """Ask OMERO where the user can be reached, where no stage came as far as that."""
        if not self.job.knows_whom_to_tell:
            try:
                self.job.account.session()
            except CourierError as error:
                log.info("nobody knows yet where %s can be reached: %s", self.job.request.on_behalf_of, error)

    def _hold_if_away(self) -> bool:
        """Hold the pool of this OMERO if it does not answer at all: it is then asked once for all runs."""
        away = why_away(self.job.server)
        return away is not None and self._record.hold_pool(self.job.server_name, away)

    def _see_whether_cancelled(self) -> None:
        try:
            run = patiently(self._record.look)
        except (AttemptSuperseded, ImportCancelled) as stop:
            self.job.ledger.stop(stop)
            return
        if run.state is not None and run.state.type is StateType.CANCELLING:
            self.job.ledger.cancel()

    def put_away(self, afterwards: Callable[[Job], State[None]]) -> None:
        """Have the files moved or deleted as was asked, once nothing more is to be imported; that never fails it."""
        nothing = not is_open(self.job.request.after_import, self.job.ledger.statuses())
        if nothing or self._later is not None or self.job.ledger.stopped_by is not None:
            return
        try:
            afterwards(self.job)
        except TerminationSignal:
            self.heed_signal()
        self._record.hand_over_put_away(self.job)

    def report(self) -> ImportReport:
        """Say what became of everything."""
        resolved = self.job.resolved
        return ImportReport(
            run_id=self.job.run_id,
            run_name=self.job.title,
            run_url=self._settings.console.run(self.job.run_id),
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
            notes=self.job.notes,
            cancelled=self.job.ledger.cancelled,
            receivers=self.job.receivers,
        )

    def end(self, at_the_end: Callable[[Job, Callable[[], ImportReport]], State[None]]) -> None:
        """Give everything an outcome, show the report, and tell the people; or leave it to a further try.

        Raises:
            Abort: the run goes on later, or another attempt has it in hand: Prefect is to set no state.
        """
        if isinstance(self.job.ledger.stopped_by, AttemptSuperseded):
            raise Abort(str(self.job.ledger.stopped_by))
        if self._later is not None:
            self._record.go_on_later(self._later)
            self._record.release_next(self.job, ending=False)
            raise Abort(self._later.message)
        self.job.ledger.settle(UnexpectedFault("The import ended before this was imported."))
        report = self.report()
        self._publisher.page(report_page(report))
        # Who could not be told, nor a message be handed over to them, is told by housekeeping.
        if self.job.knows_whom_to_tell and at_the_end(self.job, lambda: report).is_completed():
            self._record.note_told(self.job.tags)
        self._record.release_next(self.job, ending=True)

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
        if any(failure.code == SessionEnded().code for failure in report.failures):
            return Failed(name=LOGIN_NEEDED, message=message)
        return Failed(name=PARTLY_FAILED if report.imported else "Failed", message=message)


@contextmanager
def attempt(request: ImportRequest, *, afterwards: End, at_the_end: End) -> Iterator[Attempt]:
    """Surround the stages: whatever happens inside, the outcome is shown and told."""
    tidy_log()
    settings = read_settings()
    be_gentle(settings.worker)
    run_id = UUID(str(this_run.id))
    with get_client(sync_client=True) as client:
        record = patiently(partial(RunRecord.read, client, run_id))
        ledger = Ledger()
        ledger.obey(Gate(settings.worker, ledger.raise_stop))
        around = Surroundings(
            carried=partial(take_carried_session, settings),
            permit=partial(_permit, record, ledger),
            lock=partial(striped_lock, whose=[record.pool, request.on_behalf_of], check=ledger.check, client=client),
            naming=partial(named_lock, whose=[record.pool], check=ledger.check, client=client),
            give_way=partial(record.give_way, ledger),
            is_over=record.is_over,
        )
        job = Job(str(run_id), request, settings, attempt=record.attempt, ledger=ledger, surroundings=around)
        publisher = Publisher(client, run_id, ledger, look=partial(_look, record, ledger))
        run = Attempt(job, record, publisher, settings)
        interrupted: BaseException | None = None
        run.take_up()
        with publisher, job:
            try:
                yield run
            except CourierError as error:
                run.stopped_by(error)
            except TerminationSignal as signal:
                run.heed_signal()
                interrupted = signal
            except Exception as error:  # noqa: BLE001 - the outermost hook: nobody is left without an answer
                run.stopped_by(unexpected(error))
            run.decide()
            run.put_away(partial(afterwards, return_state=True))
        run.end(partial(at_the_end, return_state=True))
        drop_carried_session()
    if interrupted is not None:
        raise interrupted


def _permit(record: RunRecord, ledger: Ledger) -> None:
    """See that this attempt still counts before it opens a session."""
    try:
        patiently(record.look, check=ledger.check)
    except STOPS as stop:
        ledger.stop(stop)
        raise


def _look(record: RunRecord, ledger: Ledger) -> None:
    """Have every stage stop once another attempt has taken over."""
    try:
        record.look_if_prefect_answers()
    except STOPS as stop:
        ledger.stop(stop)


def unexpected(error: Exception) -> UnexpectedFault:
    """Turn a bug, or a fault of the machine, into a failure that can be told."""
    log.exception("An unexpected fault", exc_info=error)
    return UnexpectedFault(f"{type(error).__name__}: {error}")
