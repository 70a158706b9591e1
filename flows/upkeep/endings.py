"""Imports that ended without a word of their own process: what OMERO holds is looked up, the rest cleared away."""

import logging
from collections.abc import Iterable
from functools import partial

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from flows.core import names
from flows.core.control import Stage
from flows.core.errors import (
    CourierError,
    LoginRefused,
    NotPermitted,
    ProcessLost,
    SealBroken,
    SessionEnded,
    UnknownServer,
)
from flows.core.job import Job, Surroundings
from flows.core.ledger import Ledger
from flows.core.notify import headline, report_page
from flows.core.omero_client import find_earlier_of, keys_of_run
from flows.core.requests import Failure, ImportedFileset, ImportRequest
from flows.core.settings import Settings
from flows.core.status import FilesetStatus, ImportReport
from flows.publish import Publisher
from flows.put_away_later import hand_over_put_away
from flows.upkeep import notes
from flows.upkeep.addresses import carried_key, note_address, receivers_of
from flows.upkeep.runs import since, tag_value

log = logging.getLogger(__name__)

HOPELESS = (LoginRefused, NotPermitted, SealBroken)
"""What keeps us from looking into OMERO for a user, and does not pass by itself."""


class Ending:
    """What became of an import that has ended."""

    def __init__(self, client: SyncPrefectClient, run: FlowRun, settings: Settings) -> None:
        """Read what the run showed of itself.

        Raises:
            ValidationError: what was asked for is no request.
            UnknownServer: its OMERO server is not one of ours.
        """
        server = tag_value(run, names.server_tag(""))
        if server not in settings.servers:
            raise UnknownServer(which=run.name)
        self.run = run
        self.tidy = False
        """Whether nothing half-done is left in OMERO, as far as anything can be done about it."""
        self._client = client
        self._settings = settings
        self._ledger = Ledger()
        self._publisher = Publisher(client, run.id, self._ledger, look=lambda: None)
        self._job = Job(
            str(run.id),
            ImportRequest.model_validate(run.parameters["request"]),
            settings.model_copy(update={"server": server}),
            attempt=run.run_count + 1,
            ledger=self._ledger,
            surroundings=Surroundings(carried=partial(carried_key, client, run, settings)),
        )

    def settle(self) -> None:
        """Look up what OMERO holds of it, clear away what is half-done there and in staging, and show the outcome."""
        self._ledger.restore(self._publisher.earlier(), failed_too=False)
        if self.run.state is not None and self.run.state.is_cancelled():
            self._ledger.cancel()
        with self._publisher:
            with self._job:
                self._clear_up()
            self._ledger.settle(self._why())
            hand_over_put_away(self._client, self.run, self._job)
            self._publisher.page(report_page(self.report()))

    def _clear_up(self) -> None:
        if self.run.run_count == 0 and receivers_of(self.run, self._settings):
            self.tidy = True  # it never came as far as OMERO
            return
        if notes.read(self._client, names.outage_name(self._job.server_name)) is not None:
            log.info("%s: OMERO is away, what it left there is looked at later", self.run.name)
            return
        try:
            session = self._job.account.session()
            note_address(self._client, self.run, session.email)
            noted = [self._job.run_key(each.key) for each in self._ledger.unfinished()]
            keys = {*noted, *keys_of_run(session, self._job.run_id)}
            self._take_note(find_earlier_of(session, keys).values())
            self.tidy = True
        except HOPELESS as refused:
            log.warning("%s: what it left in OMERO cannot be looked at: %s", self.run.name, refused)
            self.tidy = True
        except CourierError as away:
            log.warning("%s: what it left in OMERO is looked at later: %s", self.run.name, away)

    def _take_note(self, found: Iterable[ImportedFileset]) -> None:
        known = {each.key: each.stage for each in self._ledger.statuses()}
        for value in found:
            if known.get(value.key) is not Stage.DONE:
                self._job.note_arrival(value)
            if value.key not in known:
                row = FilesetStatus(name=value.name, stage=Stage.DONE, bytes_total=0, files=(), key=value.key)
                self._ledger.restore([row], failed_too=False)
            self._ledger.imported(value)

    def _why(self) -> CourierError:
        state = self.run.state
        if state is not None and state.name == names.LOGIN_NEEDED:
            return SessionEnded()
        return ProcessLost(state.message if state is not None and state.message else "")

    def report(self) -> ImportReport:
        """Say what became of it."""
        # Where no attempt lived to note what there was to import, what OMERO holds may be a part of it.
        done = self._ledger.is_whole and all(each.stage is Stage.DONE for each in self._ledger.statuses())
        failed = self.run.state is not None and self.run.state.is_failed() and not done
        return ImportReport(
            run_id=self._job.run_id,
            run_name=self.run.name,
            run_url=self._settings.console.run(self._job.run_id),
            server=self._job.server_name,
            web_url=self._job.server.web_url,
            user=self._job.request.on_behalf_of,
            group=self._job.request.group,
            target=self._job.target_text,
            started=self.run.start_time or self.run.created or since(self.run),
            ended=since(self.run),
            filesets=self._ledger.statuses(),
            failure=Failure.of(self._why()) if failed else None,
            cancelled=self._ledger.cancelled,
            receivers=self.receivers,
        )

    @property
    def receivers(self) -> tuple[str, ...]:
        """Who is told; nobody as long as OMERO does not say where its user can be reached."""
        return self._job.receivers or receivers_of(self.run, self._settings)

    def better_state(self) -> State[None] | None:
        """Return the state that says more than the present one of what OMERO holds, if there is one."""
        state, report = self.run.state, self.report()
        if state is None or not state.is_failed() or not report.imported or state.name == names.LOGIN_NEEDED:
            return None
        if not report.failures:
            return Completed(message=headline(report))
        if state.name == names.PARTLY_FAILED:
            return None
        return Failed(name=names.PARTLY_FAILED, message=f"{headline(report)}. {state.message}")
