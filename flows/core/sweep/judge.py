"""Decides about the files of a folder that may have changed since it was last looked at; changes no memory itself."""

import os
from collections.abc import Collection
from pathlib import Path

from flows.core.control import Control
from flows.core.errors import SourceAway, SourceError
from flows.core.settings import Verification
from flows.core.sweep.case import Case, Unit, is_judged_anew
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.filesets import Filesets
from flows.core.sweep.folders import Member, Seen
from flows.core.sweep.grouping import Grouping
from flows.core.sweep.listing import fitted
from flows.core.sweep.memory import Memory
from flows.core.sweep.ports import Assigner
from flows.core.sweep.rules import SIDECARS, LeftOut, Rules
from flows.core.sweep.settling import Wait, wait_for
from flows.core.sweep.verdicts import Verdict


class Judge:
    """Decides about one folder after the other, at one moment."""

    def __init__(
        self,
        definition: SweepDefinition,
        *,
        rules: Rules,
        assigner: Assigner,
        memory: Memory,
        verification: Verification,
        control: Control,
        now: float,
    ) -> None:
        """Take what it decides by."""
        self._definition = definition
        self._rules = rules
        self._assigner = assigner
        self._memory = memory
        self._grouping = Grouping(definition, verification, control, Filesets(definition, assigner, memory, now))
        self._root = os.path.realpath(definition.root)
        self._now = now

    def begin(self, unit: Unit, *, room: int, only: Collection[str] | None = None) -> Case:
        """Sort the files of a folder into what stands, what has to wait, and up to `room` that are ready.

        With `only` none but these names can be ready, and what was skipped before is not passed over.
        """
        case = Case(unit, alone=only is not None)
        for odd in unit.listing.odd:
            if odd.verdict is Verdict.SKIPPED:
                case.skip(odd.code)
            else:
                case.decide(odd.name, odd.verdict, odd.code, odd.reason)
                case.restless = True
        for _, why in unit.left_out:
            case.skip(why.code)
        if unit.kind:
            self._whole(case)
        else:
            self._one_by_one(case, only)
        self._hold_back(case, room)
        return case

    def _one_by_one(self, case: Case, only: Collection[str] | None) -> None:
        unit = case.unit
        before = self._memory.folders.seen(unit.id)
        rows = {name: (size, mtime_ns) for name, size, mtime_ns in unit.listing.rows}
        standing = self._standing(case, self._memory.folders.members(unit.id), rows, before)
        for name, size, mtime_ns in unit.listing.rows:
            if why := self._left_out(unit, name):
                case.skip(why.code, name, why.reason)
            elif name not in standing:
                self._file(case, name, (size, mtime_ns), before.get(name))
        _once_each(case)
        if only is not None:
            case.ready = [name for name in case.ready if name in only]

    def _left_out(self, unit: Unit, name: str) -> LeftOut | None:
        """Say why a file is not looked at; None where it is."""
        if unit.rules.leaves_out_file(name.lower(), unit.below):
            return unit.rules.why_file(name, unit.below)
        if name in unit.listing.links:
            place = os.path.relpath(unit.listing.links[name], self._root)
            if not self._rules.left_out(place):
                return LeftOut("link", f"It is a link to {place}, which is looked at in its own place.")
        return None

    def _standing(
        self, case: Case, members: list[Member], rows: dict[str, tuple[int, int]], before: dict[str, Seen]
    ) -> set[str]:
        """Return the names whose remembered verdict stands, count it, and note what has changed or gone."""
        gone = {each.key for each in members if each.verdict is not Verdict.SUBMITTED and each.name not in rows}
        changed = {
            each.key
            for each in members
            if each.verdict is not Verdict.SUBMITTED and rows.get(each.name, ()) not in ((), (each.size, each.mtime_ns))
        }
        case.forget += sorted(changed)
        case.gone += sorted(gone - changed)
        standing = set()
        for each in members:
            anew = each.key in gone or each.key in changed
            if not anew and not is_judged_anew(each.verdict, each.code, each.run_id):
                standing.add(each.name)
                if each.position == 0:
                    case.count(each.verdict, each.code)
                continue
            before.setdefault(each.name, Seen(each.size, fitted(each.mtime_ns), each.since))
            if not anew:
                case.retried.setdefault(each.key, []).append(each.name)
        return standing

    def _file(self, case: Case, name: str, now: tuple[int, int], old: Seen | None) -> None:
        size, mtime_ns = now
        same = old is not None and (old.size, old.mtime_ns) == (size, fitted(mtime_ns))
        since = min(old.since, self._now) if old is not None and same else None
        known = old.skipped if old is not None and same and self._same_rules(case.unit) and not case.alone else ""
        case.seen[name] = Seen(size, fitted(mtime_ns), self._now if since is None else since, known)
        if known:
            case.skip(known)
        elif wait := wait_for(mtime_ns, since, now=self._now, quiet=self._definition.quiet):
            case.waits[name] = wait
        else:
            case.ready.append(name)

    def _same_rules(self, unit: Unit) -> bool:
        return unit.state is not None and unit.state.context == unit.context

    def _whole(self, case: Case) -> None:
        """Take a folder that is a set as one thing, which changes when anything in it does."""
        unit = case.unit
        before = self._memory.folders.seen(unit.id)
        rows = {name: (size, mtime_ns) for name, size, mtime_ns in unit.listing.rows}
        self._standing(case, self._memory.folders.members_below(unit.path), rows, before)
        size = sum(each for each, _ in rows.values())
        newest = max((mtime_ns for _, mtime_ns in rows.values()), default=0)
        unchanged = unit.state is not None and unit.state.digest == unit.listing.digest
        old = before.get("") if unchanged else None
        if case.counts[Verdict.SUBMITTED.value]:
            case.seen[""] = old or Seen(size, fitted(newest), self._now)
            return
        for verdict in (Verdict.IMPORTED, Verdict.FAILED, Verdict.QUARANTINED):
            del case.counts[verdict.value]
        self._file(case, "", (size, newest), old)

    def _hold_back(self, case: Case, room: int) -> None:
        """Leave for later what has no marker or sidecar yet, or is too much."""
        if case.ready and (wait := self._companion_missing(case.unit)):
            case.hold(case.ready, wait)
            case.ready = []
        case.held = case.ready[max(room, 0) :]
        case.ready = case.ready[: max(room, 0)]

    def _companion_missing(self, unit: Unit) -> Wait | None:
        if not self._definition.settled.sidecar:
            return None
        try:
            if self._assigner.has_sidecar(unit.path):
                return None
        except SourceAway:
            raise
        except SourceError as failed:
            return Wait(failed.code, f"Whether there is a sidecar cannot be told: {failed}")
        return Wait("sidecar", f"It waits for {' or '.join(sorted(SIDECARS))} in its folder, or above it.")

    def conclude(self, cases: list[Case]) -> None:
        """Put what is ready together into filesets, and decide about each."""
        sources = {case.unit.path_of(name): (case, name) for case in cases for name in case.ready}
        self._grouping.conclude(sources)
        for case in cases:
            case.counts[Verdict.WAITING.value] += len(set(case.held) - case.covered)
            for name in sorted(case.waits.keys() - case.covered):
                case.decide(name, Verdict.SETTLING, case.waits[name].code, case.waits[name].reason)
            left = {*case.waits, *case.held}
            case.forget += (
                key for key, names in case.retried.items() if key not in case.concluded and left.isdisjoint(names)
            )


def _once_each(case: Case) -> None:
    """Where names that differ in case only lead to one and the same file, look at it once."""
    first: dict[str, str] = {}
    for name in [*case.ready, *case.waits]:
        known = first.setdefault(name.lower(), name)
        if known != name and _is_same(case.unit.path_of(known), case.unit.path_of(name)):
            case.ready = [each for each in case.ready if each != name]
            case.waits.pop(name, None)
            case.seen.pop(name, None)
            case.skip("same-file", name, f"It is the same file as {known}.")


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
