"""What surrounds the putting away of files in a run of its own: what is known of their import, and how it ends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Completed, Failed

from flows.core.errors import CourierError
from flows.core.job import Job, Surroundings
from flows.core.leaving import is_open, leave, without_what_was_put_away
from flows.core.ledger import STOPS, Ledger
from flows.core.notify import Letter, files_stay
from flows.core.requests import ImportRequest
from flows.core.settings import Settings, read_settings
from flows.core.status import FilesetStatus
from flows.core.verify import expand
from flows.core.worker_orders import Gate, be_gentle
from flows.later import try_again, wait_before
from flows.log import tidy_log
from flows.outbox import About, deliver
from flows.patience import patiently
from flows.publish import Publisher
from flows.run_record import RunRecord
from flows.upkeep.addresses import carried_key, receivers_of

log = logging.getLogger(__name__)

SOON = timedelta(minutes=1)
"""After which a run goes on that its worker sent away, or whose import is being tried again."""


class Departure:
    """The files of one import."""

    def __init__(self, client: SyncPrefectClient, run: FlowRun, record: RunRecord, settings: Settings) -> None:
        """Take up what the import left; nothing is looked at yet."""
        self._run, self._record, self._settings = run, record, settings
        self._ledger = Ledger()
        self._ledger.obey(Gate(settings.worker, self._ledger.raise_stop))
        self._publisher = Publisher(client, run.id, self._ledger, look=self._look)
        around = Surroundings(carried=partial(carried_key, client, run, settings))
        self._job = Job(
            str(run.id),
            ImportRequest.model_validate(run.parameters["request"]),
            settings,
            ledger=self._ledger,
            surroundings=around,
        )
        self._stopped: CourierError | None = None

    def _look(self) -> None:
        try:
            self._record.look_if_prefect_answers()
        except STOPS as stop:
            self._ledger.stop(stop)

    def put_away(self) -> None:
        """Move or delete what is to be, and note it with the import.

        Raises:
            Abort: the import is being tried again: it goes on later.
        """
        if self._run.state is None or not self._run.state.is_final():
            try_again(_this_run(), SOON, "The import is being tried again.")
        self._ledger.restore(patiently(self._publisher.earlier), failed_too=False)
        with self._publisher, self._job:
            try:
                self._do()
            except CourierError as error:
                log.warning("%s", error)
                self._stopped = error

    def _do(self) -> None:
        job = self._job
        found = expand(
            job.request.sources, access=job.access(), settings=self._settings.verification, control=self._ledger
        )
        over = self._run.end_time or datetime.now(UTC)
        leave(job, without_what_was_put_away(job, found.filesets), over=over)

    @property
    def _open(self) -> bool:
        return is_open(self._job.request.after_import, self._ledger.statuses())

    def verdict(self) -> State[None]:
        """Return the state that the run ends in; the user hears what stays.

        Raises:
            Abort: it goes on later.
        """
        if self._ledger.cancelled:
            return Cancelled(message="The files stay where they are.")
        if self._ledger.stopped_by is not None:
            try_again(_this_run(), SOON, self._ledger.stopped_by.what)
        if self._open:
            self._try_again()
        kept = self._kept()
        if kept:
            self._tell(kept)
            return Failed(message=f"{len(kept)} of {len(self._ledger.statuses())} stay. {kept[0][1]}")
        return Completed(message="The files were put away.")

    def _try_again(self) -> None:
        rows = [each.put_away for each in self._ledger.statuses() if each.put_away is not None]
        why = str(self._stopped or next((each.reason for each in rows if each.is_open), ""))
        due = max((each.due for each in rows if each.due is not None), default=datetime.now(UTC))
        if due > datetime.now(UTC):
            try_again(_this_run(), due - datetime.now(UTC), why)
        if (wait := wait_before(self._record.retries, self._settings.retries)) is not None:
            try_again(_this_run(), wait, why)

    def _kept(self) -> list[tuple[str, str]]:
        """Return path and reason of what stays."""
        return [(each.files[0], self._why(each)) for each in self._ledger.statuses() if self._stays(each)]

    def _stays(self, status: FilesetStatus) -> bool:
        put_away = status.put_away
        return is_open(self._job.request.after_import, [status]) or (
            put_away is not None and put_away.outcome == "kept"
        )

    def _why(self, status: FilesetStatus) -> str:
        return str(self._stopped) if status.put_away is None else status.put_away.reason

    def _tell(self, kept: list[tuple[str, str]]) -> None:
        request, job = self._job.request, self._job
        message = files_stay(request.on_behalf_of, kept, self._run.name, self._settings.console.run(_this_run()))
        receivers = job.receivers or receivers_of(self._run, self._settings)
        about = About(run_id=job.run_id, user=request.on_behalf_of, server=job.server_name, occasion="put-away")
        deliver([Letter(each, message) for each in receivers], about, self._settings.notifications, set())


class Forgotten(Departure):
    """The files of an import that was deleted in Prefect: nobody knows any more what was asked."""

    def __init__(self) -> None:
        """Know nothing."""

    def put_away(self) -> None:
        """Leave them."""

    def verdict(self) -> State[None]:
        """Say so."""
        return Completed(message="The import was deleted meanwhile: its files stay where they are.")


@contextmanager
def departure(import_id: str) -> Iterator[Departure]:
    """Surround the putting away: what Prefect knows of the import, and of this run."""
    tidy_log()
    settings = read_settings()
    be_gentle(settings.worker)
    with get_client(sync_client=True) as client:
        try:
            run = patiently(partial(client.read_flow_run, UUID(import_id)))
        except ObjectNotFound:
            yield Forgotten()
            return
        record = patiently(partial(RunRecord.read, client, _this_run()))
        yield Departure(client, run, record, settings)


def _this_run() -> UUID:
    return UUID(str(this_run.id))
