"""What Prefect knows of this run: which attempt this is, whether it still counts, and how it is handed on."""

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from flows.core.errors import AttemptSuperseded, ImportCancelled, OmeroBusy, OmeroFull, RunPutOff
from flows.core.job import Job
from flows.core.ledger import Ledger
from flows.core.names import INTERIM_TOLD, REPLAY_ALL, TOLD, is_bulk
from flows.core.requests import Failure
from flows.further_tries import FurtherTry
from flows.history import asked_by_person, cancelled_at_the_start, retries_since_person
from flows.patience import patiently
from flows.put_away_later import hand_over_put_away
from flows.upkeep.addresses import note_address, noted_address
from flows.upkeep.outages import report_outage
from flows.upkeep.waiting import release_next, served_lines

log = logging.getLogger(__name__)

ALIVE = frozenset({StateType.RUNNING, StateType.CANCELLING})
"""States in which a run has a process."""
STRAINED = "courier.omero.strained"
"""The Prefect event that an OMERO asked to be left alone for a while."""
STRAINS = frozenset({OmeroBusy().code, OmeroFull().code})
GIVE_WAY_SECONDS = 5.0
"""Between two looks whether people wait behind a bulk run."""


class RunRecord:
    """One attempt of a run in Prefect, numbered as Prefect counts how often the run began to run."""

    def __init__(self, client: SyncPrefectClient, run: FlowRun, states: list[tuple[str, str | None]]) -> None:
        """Take over what was read; `read` reads it."""
        self._client = client
        self._run = run
        self._states = states
        self._parts = 0
        self._gave_way = time.monotonic()

    @classmethod
    def read(cls, client: SyncPrefectClient, run_id: UUID) -> Self:
        """Read what this process is about.

        Raises:
            httpx.HTTPError: Prefect does not answer.
        """
        states = sorted(client.read_flow_run_states(run_id), key=lambda state: state.timestamp)
        return cls(client, client.read_flow_run(run_id), [(state.type.value, state.name) for state in states])

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return max(self._run.run_count, 1)

    @property
    def pool(self) -> str:
        """The name of its work pool, one for each OMERO server; nothing where it was started by hand."""
        return self._run.work_pool_name or ""

    @property
    def is_bulk(self) -> bool:
        """Whether it lets others go first."""
        return is_bulk(self._run.work_queue_name)

    @property
    def asked_by_person(self) -> bool:
        """Whether this attempt is a person's retry."""
        return asked_by_person(self._states)

    @property
    def from_the_start(self) -> bool:
        """Whether everything is looked at anew, since nothing was done yet, or a person wants it so."""
        return self.attempt == 1 or (self.asked_by_person and REPLAY_ALL in self._run.tags)

    @property
    def retries(self) -> int:
        """How often the run was tried again by itself, since a person asked for it."""
        return retries_since_person(self._states)

    @property
    def tags(self) -> set[str]:
        """The tags that it keeps; what was told of an earlier outcome counts no more after a person's retry."""
        return set(self._run.tags) - ({TOLD, INTERIM_TOLD} if self.asked_by_person else set())

    def note_who_asked(self, job: Job) -> None:
        """Note in the audit trail what was asked for in Prefect itself; others noted it, and tagged the run, before."""
        if self.attempt == 1 and not job.tags <= set(self._run.tags):
            job.note_request(who="prefect")

    def look(self) -> FlowRun:
        """Return the run, while this attempt is the current one.

        Raises:
            AttemptSuperseded: another one has taken over, or the run was given up.
            ImportCancelled: the run was cancelled.
            httpx.HTTPError: Prefect does not answer.
        """
        try:
            run = self._client.read_flow_run(self._run.id)
        except ObjectNotFound as gone:
            raise AttemptSuperseded("This import was deleted in Prefect.") from gone
        state = run.state
        if state is not None and state.type is StateType.CANCELLED and run.run_count == self._run.run_count:
            raise ImportCancelled
        if cancelled_at_the_start(self._states) and run.run_count == self._run.run_count:
            raise ImportCancelled
        if state is None or state.type not in ALIVE or run.run_count != self._run.run_count:
            raise AttemptSuperseded
        return run

    def look_if_prefect_answers(self) -> None:
        """Do the same; nothing is said while Prefect is away, since no other attempt can begin then."""
        try:
            run = self.look()
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the import goes on: %s", type(away).__name__)
            return
        # A cancel comes as a signal, but not once the worker died, or Prefect was away for half a minute.
        if run.state is not None and run.state.type is StateType.CANCELLING:
            raise ImportCancelled

    def is_over(self, run_id: str) -> bool:
        """Whether another run has ended for good, or was deleted; no, where Prefect does not say."""
        try:
            state = self._client.read_flow_run(UUID(run_id)).state
        except (ObjectNotFound, ValueError):
            return True
        except httpx.HTTPError:
            return False
        return state is not None and state.is_final() and not state.is_crashed()

    def give_way(self, ledger: Ledger) -> None:
        """Have a bulk run put off between two parts of its work when people wait; the first part is always done."""
        self._parts += 1
        if not self.is_bulk or self._parts == 1:
            return
        if time.monotonic() - self._gave_way < GIVE_WAY_SECONDS:
            return
        self._gave_way = time.monotonic()
        if self._people_wait():
            ledger.begin_no_more(RunPutOff("It lets people go first, who wait for their images."))

    def _people_wait(self) -> bool:
        waiting = where.FlowRunFilter(
            state=where.FlowRunFilterState(type=where.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            next_scheduled_start_time=where.FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC)),
        )
        pool = self._run.work_pool_name
        try:
            return bool(
                self._client.count_flow_runs(
                    flow_run_filter=waiting,
                    work_pool_filter=where.WorkPoolFilter(name=where.WorkPoolFilterName(any_=[pool])) if pool else None,
                    work_queue_filter=where.WorkQueueFilter(
                        name=where.WorkQueueFilterName(any_=served_lines(self._client, pool))
                    ),
                )
            )
        except httpx.HTTPError:
            return False

    def hold_pool(self, server: str, reason: str) -> bool:
        """Hold the pool of this run until its OMERO answers again; whether that could be done."""
        try:
            report_outage(self._client, server, reason)
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the pool is not held: %s", type(away).__name__)
            return False
        return True

    def tell_of_strain(self, server: str, reasons: Iterable[Failure]) -> None:
        """Let housekeeping know when this OMERO should get fewer imports for a while."""
        if codes := sorted({each.code for each in reasons} & STRAINS):
            resource = {"prefect.resource.id": f"courier.omero.{server}", "prefect.resource.name": server}
            emit_event(STRAINED, resource=resource, payload={"reasons": codes})

    def go_on_later(self, later: FurtherTry) -> None:
        """Give the run back to its pool: its process and its place are free for others until then.

        It has no process any more as far as Prefect knows, which therefore cancels it at once when it is asked to.

        Raises:
            httpx.HTTPError: Prefect was away for too long.
        """
        run, nothing = {"id": self._run.id}, {"infrastructure_pid": None}
        patiently(lambda: self._client.request("PATCH", "/flow_runs/{id}", path_params=run, json=nothing))
        state: State[None] = Scheduled(name=later.state_name, scheduled_time=later.when, message=later.message)
        answer = patiently(lambda: self._client.set_flow_run_state(self._run.id, state))
        log.info("%s (%s)", later.message, answer.status.value)

    def release_next(self, job: Job, *, ending: bool) -> None:
        """Let the user's next held run stand in line; what goes wrong here, housekeeping makes good.

        Args:
            job: the import of this run.
            ending: this run still counts among the user's, though it is about to end.
        """
        user, places = job.request.on_behalf_of, job.server.runs_per_user
        try:
            release_next(self._client, job.server_name, user, places + ending)
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the next import of %s waits for housekeeping: %s", user, away)

    def hand_over_put_away(self, job: Job) -> None:
        """Have files that are still to be moved or deleted looked after by a run of its own."""
        hand_over_put_away(self._client, self._run, job)

    @property
    def email(self) -> str | None:
        """Where the user can be reached, if that was noted."""
        return noted_address(self._run)

    def note_address(self, address: str | None) -> None:
        """Note where the user can be reached, for words about this run while OMERO is away."""
        try:
            note_address(self._client, self._run, address)
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the user's address is not noted: %s", away)

    def note_told(self, tags: set[str]) -> None:
        """Note on the run that its user knows how it ended."""
        known = (self.tags | tags | {TOLD}) - {REPLAY_ALL}
        patiently(lambda: self._client.update_flow_run(self._run.id, tags=known))
