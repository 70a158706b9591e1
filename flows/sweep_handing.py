"""What a sweep hands over to imports, and what became of what earlier sweeps handed over."""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from flows.core.audit import AuditEntry, note
from flows.core.control import Control
from flows.core.requests import Fileset, ImportRequest
from flows.core.settings import Settings
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.handover import Batch, hand_over
from flows.core.sweep.known import asked_of_omero
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.outcomes import became
from flows.core.sweep.verdicts import Decision, Verdict
from flows.sweep_runs import SweepImports

log = logging.getLogger(__name__)


class Handing:
    """The imports of one sweep, as its memory and Prefect know them."""

    def __init__(
        self,
        sweep: str,
        definition: SweepDefinition,
        server_name: str,
        *,
        settings: Settings,
        memory: Memory,
        imports: SweepImports,
        control: Control,
        dry_run: bool,
    ) -> None:
        """Ask for nothing yet; a dry run never does."""
        self.batches: list[Batch] = []
        """What was asked for."""
        self._sweep = sweep
        self._definition = definition
        self._server_name = server_name
        self._settings = settings
        self._memory = memory
        self._imports = imports
        self._control = control
        self._dry_run = dry_run
        self._under_way: dict[str, str] = {}

    def take_up(self) -> None:
        """See what became of what was handed over, and which files imports have that the memory does not know."""
        known = [each for items in self._memory.of_runs().values() for each in items]
        # A person may have retried the import of what failed.
        known += [each for each in self._memory.with_verdict(Verdict.FAILED) if each.run_id]
        latest: dict[str, float] = {}
        for each in known:
            latest[each.run_id or ""] = max(each.since, latest.get(each.run_id or "", 0.0))
        seen = self._imports.seen(latest)
        now = time.time()
        after = [(each, became(each, seen.get(each.run_id or ""), now)) for each in known]
        self._memory.forget([each.fileset.key for each, item in after if item is None])
        self._memory.remember([item for each, item in after if item is not None and item is not each])
        self._under_way = {path: run_id for run_id, path in self._imports.under_way(latest)}

    def hand_over(self, decisions: Iterable[Decision]) -> list[Decision]:
        """Ask for imports of what is new, as far as OMERO and the limits allow; return all that is decided then."""
        found = list(decisions)
        rest = [each for each in found if each.verdict is not Verdict.NEW]
        new = [self._adopted(each) for each in found if each.verdict is Verdict.NEW]
        unknown = [each for each in new if each.verdict is Verdict.NEW]
        asked = list(asked_of_omero(unknown, self._settings.servers[self._server_name], self._control))
        handed = hand_over([each for each in asked if each.verdict is Verdict.NEW], self._definition.limits)
        settled = [each for each in new if each.verdict is not Verdict.NEW]
        settled += [self._as_wished(each) for each in asked if each.verdict is not Verdict.NEW]
        self._remember(settled)
        rest += [*settled, *handed.left]
        for batch in handed.batches:
            self._control.check()
            rest += self._ask(batch)
        return rest

    def _adopted(self, decision: Decision) -> Decision:
        """Say so where an import has it that the memory, deleted or never written, did not know."""
        assert decision.fileset is not None, "what is new has one"
        run_id = self._under_way.get(decision.fileset.files[0].client_path)
        return decision if run_id is None else _submitted(decision, run_id)

    def _as_wished(self, decision: Decision) -> Decision:
        if decision.verdict is Verdict.QUARANTINED and self._definition.assign.unknown_user == "leave":
            return decision.model_copy(update={"verdict": Verdict.SKIPPED})
        return decision

    def _ask(self, batch: Batch) -> Sequence[Decision]:
        what = [_new(each, batch) for each in batch.filesets]
        if self._dry_run:
            return what
        request = batch.request(bulk=self._definition.limits.priority == "bulk", placement=self._definition.placement)
        run_id = self._imports.ask(request, batch.identity(self._sweep))
        handed = [_submitted(each, run_id) for each in what]
        self._remember(handed)
        self.batches.append(batch)
        log.info("import %s: %d filesets of %s", run_id, len(handed), request.on_behalf_of)
        note(self._settings.audit, self._entry(request, run_id))
        return handed

    def _entry(self, request: ImportRequest, run_id: str) -> AuditEntry:
        return AuditEntry(
            when=datetime.now(UTC),
            action="import",
            who=f"sweep:{self._sweep}",
            server=self._server_name,
            as_whom=request.on_behalf_of,
            import_id=run_id,
            target=request.target,
            group=request.group,
            sources=tuple(request.sources),
        )

    def _remember(self, decisions: Iterable[Decision]) -> None:
        """Keep what is decided for longer than this sweep; what waits is decided anew."""
        now = time.time()
        self._memory.remember(
            Remembered(
                fileset=each.fileset,
                verdict=each.verdict,
                code=each.code,
                reason=each.reason,
                run_id=each.run_id,
                since=now,
                assignment=each.assignment,
                fileset_id=each.omero_id,
            )
            for each in decisions
            if each.fileset is not None and each.verdict is not Verdict.WAITING
        )


def _new(fileset: Fileset, batch: Batch) -> Decision:
    whose = batch.assignment
    return Decision(
        path=fileset.files[0].client_path,
        verdict=Verdict.NEW,
        reason=f"It is settled, and is imported for {whose.user} into {whose.target or 'OMERO'}.",
        code="new",
        fileset=fileset,
        assignment=whose,
    )


def _submitted(decision: Decision, run_id: str) -> Decision:
    reason = f"The import {run_id} has it."
    update = {"verdict": Verdict.SUBMITTED, "code": "submitted", "reason": reason, "run_id": run_id}
    return decision.model_copy(update=update)
