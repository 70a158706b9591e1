"""One sweep of one folder: what surrounds and joins its steps, so that the flow is a page of plain calls."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from prefect.tasks import Task

from flows.core.afterwards.begun import files_begun
from flows.core.afterwards.ground import Ground
from flows.core.afterwards.items import Outcome
from flows.core.afterwards.names import OWN
from flows.core.afterwards.putting_away import put_away
from flows.core.audit import AuditTrail
from flows.core.errors import CourierError, RunPutOff, SourceAway, SweepUnderWay, UnexpectedFault
from flows.core.names import FOLDER_AWAY, PUT_OFF, UNDER_WAY
from flows.core.notify import SweepNotice
from flows.core.settings import Settings, read_settings
from flows.core.sweep.assignment import Assigner
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.departures import Confirmations, Kept, departures
from flows.core.sweep.loading import server_of, sweep_of
from flows.core.sweep.look import Look, look
from flows.core.sweep.memory import Memory
from flows.core.sweep.report import SweepTotals, in_words
from flows.core.sweep.share import Share
from flows.core.sweep.verdicts import Decision, Verdict
from flows.core.verify.settle import SYSTEM_CLOCK
from flows.core.worker_orders import be_gentle
from flows.locks import alone
from flows.log import tidy_log
from flows.patience import patiently
from flows.sweep_control import SweepControl
from flows.sweep_handing import Handing
from flows.sweep_report import leave_report, tell_of_trouble, tell_of_what_is_set_aside
from flows.sweep_runs import SweepImports

log = logging.getLogger(__name__)

SET_ASIDE = "set aside"
"""The note, in a sweep's memory, of what the administrators have heard of."""
GONE = frozenset({Outcome.MOVED, Outcome.DELETED, Outcome.GONE})
Step = Task[["Sweeping"], State[None]]


def name_sweep() -> str:
    """Name a run after its sweep: `sweep confocal`."""
    return f"sweep {this_run.parameters['sweep']}{' (dry run)' if this_run.parameters.get('dry_run') else ''}"


class Sweeping:
    """What the steps of one sweep share, and what they come to."""

    def __init__(
        self,
        name: str,
        definition: SweepDefinition,
        settings: Settings,
        memory: Memory,
        *,
        client: SyncPrefectClient,
        control: SweepControl,
        dry_run: bool,
    ) -> None:
        """Begin."""
        self.name, self.dry_run = name, dry_run
        self.settings = settings
        self.definition = definition
        self.server_name = server_of(self.definition, settings)
        self.started = datetime.now(UTC)
        self.decisions: list[Decision] = []
        self._server = settings.servers[self.server_name]
        self._memory = memory
        self._client = client
        self._control = control
        self._assigner = Assigner(self.definition)
        self._handing = Handing(
            name,
            self.definition,
            self.server_name,
            settings=settings,
            memory=memory,
            imports=SweepImports(client, name, self.server_name, self._server, settings.station),
            control=control,
            dry_run=dry_run,
        )
        self._look: Look | None = None
        self._put_away = 0
        self._kept: list[Decision] = []
        self._problem: CourierError | None = None

    def does(self, *steps: Step) -> None:
        """Take the steps one after the other, until one of them stops the sweep."""
        for step in steps:
            if self._problem is None:
                self._ended(step, step(self, return_state=True))

    def does_in_any_case(self, step: Step) -> None:
        """Take a step whatever happened before."""
        self._ended(step, step(self, return_state=True))

    def _ended(self, step: Step, state: State[Any]) -> None:
        """Take note of a step that stopped without a word of ours: a bug, or a fault of the machine."""
        if not state.is_completed() and self._problem is None:
            what = f"The step '{step.name}' of this sweep failed: {state.message}"
            self.stopped_by(UnexpectedFault(what, advice="Look at its log. The next sweep does what this one did not."))

    def stopped_by(self, error: CourierError) -> None:
        """Keep why the sweep stopped; the first reason stays."""
        log.error("%s", error)
        self._problem = self._problem or error

    def take_up(self) -> None:
        """See what became of what earlier sweeps handed over."""
        self._handing.take_up()

    def look_through(self) -> None:
        """Look at the folder; a dry run looks twice, so that it sees what is settled."""
        for _ in range(2 if self.dry_run else 1):
            self._look = look(
                self.definition,
                assigner=self._assigner,
                memory=self._memory,
                verification=self.settings.verification,
                control=self._control,
                clock=SYSTEM_CLOCK,
            )
        # What a dead process had begun to move is in two places.
        begun = files_begun(self.definition.root)
        found = self._look.decisions if self._look else []
        self.decisions = [
            each for each in found if not (each.fileset and any(file.path in begun for file in each.fileset.files))
        ]
        told = {each.path for each in found}
        self.decisions += [each for each in self._look.problems if each.path not in told] if self._look else []

    def hand_over(self) -> None:
        """Ask for imports of what is new, as far as OMERO and the limits allow."""
        self.decisions = self._handing.hand_over(self.decisions)

    def put_away(self) -> None:
        """Move or delete what was imported, or failed, as the definition says; finish what a dead process had begun."""
        wishes = self.definition.afterwards
        verdicts = [Verdict.IMPORTED] * (wishes.imported != "keep") + [Verdict.FAILED] * (wishes.failed != "leave")
        if self.dry_run or not (verdicts or (self.definition.root / OWN).exists()):
            return
        Share(self.definition, self._memory).check()
        kept = Kept(self._memory)
        items = [each for each in departures(self._memory.with_verdict(*verdicts)) if kept.may_go(each)]
        with Confirmations(self._server, self._control) as confirmations:
            handled = put_away(items, self._ground(confirmations))
        gone = [each.item.fileset.key for each in handled if each.outcome in GONE]
        self._memory.forget(gone)
        self._put_away = len(gone)
        kept.note(handled)
        self._kept = kept.decisions

    def _ground(self, confirmations: Confirmations) -> Ground:
        return Ground(
            who=f"sweep:{self.name}",
            server=self.server_name,
            root=self.definition.root,
            afterwards=self.definition.afterwards,
            quiet=self.definition.quiet,
            roots={name: root for name, root in self.settings.roots.items() if root.station == self.settings.station},
            confirm=confirmations.confirm,
            audit=AuditTrail(self.settings.audit).write,
            control=self._control,
            now=lambda: datetime.now(UTC),
        )

    def show(self) -> None:
        """Leave the report, and tell the administrators what they have not heard yet."""
        leave_report(self._client, self.totals(), [*self.decisions, *self._kept])
        if self.dry_run:
            return
        about = SweepNotice(sweep=self.name, root=str(self.definition.root), url=self.settings.console.run(this_run.id))
        administrators = self.settings.notifications.administrators
        if self._problem is None:
            self._tell_of_what_is_set_aside(about, administrators)
        elif not isinstance(self._problem, SweepUnderWay | RunPutOff):
            tell_of_trouble(about, self._problem, self.server_name, self.started, administrators)

    def _tell_of_what_is_set_aside(self, about: SweepNotice, administrators: tuple[str, ...]) -> None:
        """Tell of what is in quarantine and was not at the sweep before; who could not be told hears it next time."""
        aside = {each.path: each.reason for each in self.decisions if each.verdict is Verdict.QUARANTINED}
        before = set(json.loads(self._memory.note(SET_ASIDE) or "[]"))
        new = sorted((path, reason) for path, reason in aside.items() if path not in before)
        if tell_of_what_is_set_aside(about, new, self.server_name, administrators):
            self._memory.set_note(SET_ASIDE, json.dumps(sorted(aside)))

    def totals(self) -> SweepTotals:
        """Return what the sweep came to, counted."""
        found = self._look
        verdicts = Counter(found.counts if found else {})
        # What was decided after the look counts as what it was decided to be.
        verdicts.subtract(each.verdict for each in (found.decisions if found else ()))
        verdicts.update(each.verdict for each in self.decisions)
        return SweepTotals(
            sweep=self.name,
            server=self.server_name,
            run_id=str(this_run.id),
            dry_run=self.dry_run,
            started=self.started,
            seconds=(datetime.now(UTC) - self.started).total_seconds(),
            folders=found.folders if found else 0,
            files=found.files if found else 0,
            verdicts={verdict: count for verdict, count in verdicts.items() if count},
            skipped=dict(found.skipped) if found else {},
            imports=len(self._handing.batches),
            handed_over=sum(len(batch.filesets) for batch in self._handing.batches),
            put_away=self._put_away,
            problem=str(self._problem) if self._problem else "",
        )

    def verdict(self) -> State[None]:
        """Return the state that the run ends in."""
        message = in_words(self.totals())
        if isinstance(self._problem, SourceAway):
            return Failed(name=FOLDER_AWAY, message=message)
        if isinstance(self._problem, RunPutOff):
            return Completed(name=PUT_OFF, message=message)
        return Failed(message=message) if self._problem else Completed(message=message)


@contextmanager
def sweeping(sweep: str, *, dry_run: bool) -> Iterator[Sweeping]:
    """Surround the steps: no other sweep of the folder meanwhile, and the memory open.

    A dry run works on a copy of the memory, and needs no lock.
    """
    tidy_log()
    settings = read_settings()
    be_gentle(settings.worker)
    place = settings.sweeps.memory_of(sweep)
    with get_client(sync_client=True) as client:
        definition = _definition(client, sweep, settings, dry_run=dry_run)
        begin = partial(Sweeping, sweep, definition, settings, client=client, dry_run=dry_run)
        if dry_run:
            with Memory.copied(place) as memory:
                yield begin(memory, control=SweepControl(settings.worker))
            return
        try:
            with alone(sweep) as lost, Memory.opened(place) as memory:
                yield begin(memory, control=SweepControl(settings.worker, lost))
        except SweepUnderWay as other:
            _end_without_a_sweep(client, Completed(name=UNDER_WAY, message=str(other)))


def _definition(client: SyncPrefectClient, sweep: str, settings: Settings, *, dry_run: bool) -> SweepDefinition:
    """Return the definition of a sweep; where that was broken or taken away since `make deploy`, end the run."""
    try:
        return sweep_of(settings, sweep)
    except CourierError as wrong:
        log.error("%s", wrong)
        if not dry_run:
            about = SweepNotice(sweep=sweep, root=str(settings.sweeps.folder), url=settings.console.run(this_run.id))
            tell_of_trouble(about, wrong, "", datetime.now(UTC), settings.notifications.administrators)
        _end_without_a_sweep(client, Failed(message=str(wrong)))


def _end_without_a_sweep(client: SyncPrefectClient, state: State[None]) -> NoReturn:
    patiently(lambda: client.set_flow_run_state(UUID(str(this_run.id)), state))
    raise Abort(state.message)
