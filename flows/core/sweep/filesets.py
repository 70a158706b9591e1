"""Decides about a fileset: whether it stands, has to wait, is nobody's, or is to be handed over now."""

import os
import posixpath

from flows.core.disk import told_of
from flows.core.errors import CourierError, SourceAway, SourceEmpty, SourceError, SourceUnreadable
from flows.core.requests import Failure, Fileset, SourceFile
from flows.core.sweep.case import Case, is_judged_anew
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.ports import UNASSIGNED, Assigner
from flows.core.sweep.rules import marker_for
from flows.core.sweep.settling import FIRST_LOOK, Wait, wait_for
from flows.core.sweep.verdicts import Decision, Verdict

_PATIENCE = 86_400.0
"""Seconds after which a set in a busy folder is called incomplete although files still come."""


class Filesets:
    """The filesets that a sweep finds."""

    def __init__(self, definition: SweepDefinition, assigner: Assigner, memory: Memory, now: float) -> None:
        """Take what it decides by."""
        self._definition = definition
        self._assigner = assigner
        self._memory = memory
        self._now = now
        self._decided: set[str] = set()
        """Keys of filesets of several files, which several folders may lead to."""

    def found(self, fileset: Fileset, sources: list[tuple[Case, str]]) -> None:
        """Decide about a fileset once, whichever of its files led to it."""
        case = sources[0][0]
        for each, name in sources:
            each.concluded.add(fileset.key)
            each.covered.add(name)
        case.covered.update(filter(None, (case.unit.name_of(file.client_path) for file in fileset.files)))
        if len(fileset.files) > 1:
            if fileset.key in self._decided:
                return
            self._decided.add(fileset.key)
        case.restless |= any(case.unit.name_of(file.client_path) is None for file in fileset.files)
        self._decide(case, fileset)

    def _decide(self, case: Case, fileset: Fileset) -> None:
        known = self._memory.get(fileset.key)
        same = known is not None and known.fileset.files == fileset.files
        before = case.counts[Verdict.QUARANTINED.value]
        if known and _stands(known, same=same):
            case.count(known.verdict, known.code)
        elif wait := self._wait(case, fileset, known if same else None):
            case.decide("", Verdict.SETTLING, wait.code, wait.reason, fileset=fileset)
        else:
            self._judge(case, fileset, known if same else None)
        if known and not same and known.verdict is not Verdict.SUBMITTED:
            case.forget.append(fileset.key)
        elif known and known.verdict is Verdict.QUARANTINED and case.counts[known.verdict.value] == before:
            # What kept it is gone; that it was seen before is not forgotten.
            update = {"verdict": Verdict.SETTLING, "code": "released", "reason": ""}
            case.remember.append(known.model_copy(update=update))

    def _wait(self, case: Case, fileset: Fileset, known: Remembered | None) -> Wait | None:
        """Say why a fileset is not taken yet; of files in other folders it is remembered that they were seen."""
        waits = []
        elsewhere = False
        for file in fileset.files:
            name = case.unit.name_of(file.client_path)
            if name is None:
                elsewhere = True
                since = known.since if known else None
                waits.append(wait_for(file.mtime_ns, since, now=self._now, quiet=self._definition.quiet))
            elif not case.unit.kind:
                waits.append(case.waits.get(name))
        wait = next((each for each in waits if each and each != FIRST_LOOK), None) or next(filter(None, waits), None)
        if elsewhere and wait and known is None:
            seen = Decision(path="", verdict=Verdict.SETTLING, code=wait.code, reason=wait.reason, fileset=fileset)
            self._remember(case, seen, None)
        return wait or self._marker_missing(case, fileset)

    def _marker_missing(self, case: Case, fileset: Fileset) -> Wait | None:
        marker = self._definition.settled.marker
        if marker is None:
            return None
        unit = case.unit
        name, names = fileset.name, [row[0] for row in unit.listing.rows]
        if unit.kind:
            name, names = posixpath.basename(unit.path), [*unit.beside, *names]
        elif unit.name_of(fileset.files[0].client_path) is None:
            names = _listed(posixpath.dirname(fileset.files[0].client_path))
        if marker_for(marker, name, posixpath.basename(unit.path), names):
            return None
        return Wait("marker", f"It waits for its marker, {marker}, which says that it is complete.")

    def _judge(self, case: Case, fileset: Fileset, known: Remembered | None) -> None:
        if (fileset.files[0].size == 0) or not all(os.access(file.path, os.R_OK) for file in fileset.files):
            fault = SourceEmpty() if fileset.files[0].size == 0 else SourceUnreadable()
            self._quarantine(case, fileset, fault, known)
            return
        try:
            assignment = self._assigner.assign(fileset)
        except CourierError as nobody:
            self._unassigned(case, fileset, nobody, known)
            return
        reason = "It is complete and has been left alone: this sweep hands it over."
        decision = case.decide("", Verdict.NEW, "settled", reason, fileset=fileset)
        case.decisions[-1] = decision.model_copy(update={"assignment": assignment})

    def _unassigned(self, case: Case, fileset: Fileset, why: CourierError, known: Remembered | None) -> None:
        if isinstance(why, SourceAway):
            raise why
        if why.transient:
            case.decide("", Verdict.SETTLING, why.code, _text(why), fileset=fileset)
        elif why.code == UNASSIGNED and self._definition.assign.unknown_user == "leave":
            names = [case.unit.name_of(file.client_path) for file in fileset.files]
            for name in [""] if case.unit.kind else filter(None, names):
                case.skip(UNASSIGNED, name, _text(why))
        else:
            self._quarantine(case, fileset, why, known)

    def refused(self, case: Case, names: list[str], failure: Failure) -> None:
        """Decide about files that cannot be put together."""
        case.covered.update(names)
        if failure.code == "nothing-importable":
            for name in names:
                case.skip(failure.code, name, _text(failure))
        elif failure.code == "source-missing":
            case.restless = True
        else:
            self._set_aside(case, _as_found(case, names), failure)

    def _set_aside(self, case: Case, fileset: Fileset, failure: Failure) -> None:
        case.concluded.add(fileset.key)
        wait = self._may_be_completed(case) if failure.code == "source-incomplete" else None
        if wait or failure.transient:
            reason = f"{failure.what} {wait.reason}" if wait else f"{failure.what} {failure.advice}"
            case.decide("", Verdict.SETTLING, failure.code, reason, fileset=fileset)
            return
        known = self._memory.get(fileset.key)
        same = known is not None and known.fileset.files == fileset.files
        self._quarantine(case, fileset, failure, known if same else None)

    def _may_be_completed(self, case: Case) -> Wait | None:
        """Say whether further files are still coming into the folder of what is not complete."""
        youngest = max((mtime_ns for _, _, mtime_ns in case.unit.listing.rows), default=0)
        if all(self._now - seen.since > _PATIENCE for seen in case.seen.values()):
            return None
        if case.waits:
            return Wait("quiet-period", "Files still come into its folder, and may complete it.")
        return wait_for(youngest, 0.0, now=self._now, quiet=self._definition.quiet)

    def _quarantine(self, case: Case, fileset: Fileset, why: CourierError | Failure, known: Remembered | None) -> None:
        """Set aside until somebody does something, or the file or its assignment changes."""
        code = "outside-root" if why.code == "source-not-allowed" else why.code
        reason = _text(why)
        decision = case.decide("", Verdict.QUARANTINED, code, reason, fileset=fileset)
        case.restless |= code == "source-unreadable"
        if not case.unit.kind:
            for file in fileset.files:
                case.seen.pop(case.unit.name_of(file.client_path) or "", None)
        self._remember(case, decision, known)

    def _remember(self, case: Case, decision: Decision, known: Remembered | None) -> None:
        """Remember a decision, unless it is the one that is known."""
        if decision.fileset is None:
            return
        same = known is not None and (known.verdict, known.code) == (decision.verdict, decision.code)
        item = Remembered(
            fileset=decision.fileset,
            verdict=decision.verdict,
            code=decision.code,
            reason=decision.reason,
            since=known.since if known and same else self._now,
        )
        if item != known:
            case.remember.append(item)


def _stands(known: Remembered, *, same: bool) -> bool:
    anew = is_judged_anew(known.verdict, known.code, known.run_id)
    return known.verdict is Verdict.SUBMITTED or (same and not anew)


def _as_found(case: Case, names: list[str]) -> Fileset:
    """Return files that cannot be put together as if they could: to be remembered."""
    found = {name: (size, mtime_ns) for name, size, mtime_ns in case.unit.listing.rows}
    kept = [name for name in names if name in found] or sorted(found)[:1] or [""]
    files = []
    for name in kept:
        path = case.unit.path_of(name)
        size, mtime_ns = found.get(name, (0, 0))
        files.append(SourceFile(path=path, client_path=path, size=size, mtime_ns=mtime_ns))
    return Fileset(files=tuple(files))


def _text(why: CourierError | Failure) -> str:
    return f"{why.what} {why.advice}".strip()


def _listed(folder: str) -> list[str]:
    try:
        with told_of(folder):
            return os.listdir(folder)  # noqa: PTH208
    except SourceAway:
        raise
    except SourceError:
        return []
