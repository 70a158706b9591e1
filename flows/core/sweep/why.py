"""Answers why a file has not been imported: what a sweep would decide about one path now, without walking the tree.

Remembers nothing of what it saw.
"""

import json
import os

from flows.core.control import Uncontrolled
from flows.core.disk import source_error
from flows.core.errors import SourceAway
from flows.core.settings import Verification
from flows.core.sweep.case import Case, Unit
from flows.core.sweep.context import Context
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.judge import Judge
from flows.core.sweep.listing import list_folder, list_tree, shown
from flows.core.sweep.memory import Memory
from flows.core.sweep.ports import Assigner
from flows.core.sweep.rules import LeftOut, Rules, below
from flows.core.sweep.share import Share
from flows.core.sweep.verdicts import Decision, Verdict
from flows.core.sweep.walk import names_in
from flows.core.verify.sets import Neighbours
from flows.core.verify.settle import Clock


def why(
    definition: SweepDefinition,
    path: str,
    *,
    assigner: Assigner,
    memory: Memory,
    verification: Verification,
    clock: Clock,
) -> Decision:
    """Say what a sweep would decide about a file or folder now, and why; a relative path is one below the root.

    Raises:
        SourceAway: the share is not there, or does not answer.
    """
    rules = Rules(definition)
    judge = Judge(
        definition,
        rules=rules,
        assigner=assigner,
        memory=memory,
        verification=verification,
        control=Uncontrolled(),
        now=clock.now(),
    )
    return _Question(definition, path, rules, judge, memory).answer(Context(definition, verification))


class _Question:
    """One path, and what there is to know of it."""

    def __init__(self, definition: SweepDefinition, path: str, rules: Rules, judge: Judge, memory: Memory) -> None:
        self._definition = definition
        self._root = os.path.normpath(definition.root)
        self._real = os.path.realpath(definition.root)
        self._path = os.path.normpath(f"{self._root}/{path}" if not path.startswith("/") else path)
        self._rules = rules
        self._judge = judge
        self._memory = memory

    def answer(self, context: Context) -> Decision:
        """Go down to it from the root, as a sweep does."""
        if shown(self._path) != self._path:
            return self._told(LeftOut("name-not-utf8", "Its name is not valid UTF-8. Rename it."), Verdict.QUARANTINED)
        relative = self._relative()
        if relative is None:
            return self._told(LeftOut("outside-root", f"It does not lie below {self._root}, which is looked at here."))
        self._path = f"{self._root}/{relative}" if relative else self._root
        Share(self._definition, self._memory).check()
        try:
            return self._within(relative, context)
        except OSError as failed:
            error = source_error(failed, self._path)
            if isinstance(error, SourceAway):
                raise error from failed
            return self._missing() if error.code == "source-missing" else self._unreadable(failed)

    def _relative(self) -> str | None:
        for root, path in (
            (self._root, self._path),
            (self._real, self._path),
            (self._real, os.path.realpath(self._path)),
        ):
            if path == root:
                return ""
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return None

    def _within(self, relative: str, context: Context) -> Decision:
        unit = self._unit(self._root, "", None, context)
        folder = ""
        for part in relative.split("/") if relative else ():
            if unit.kind:
                break
            inner = below(folder, part)
            if part not in {each.name for each in unit.listing.subfolders}:
                return self._entry(unit, part) if inner == relative else self._missing()
            if left_out := unit.rules.why_folder(part, folder):
                return self._told(_of(left_out, inner, relative))
            if inner.count("/") >= self._definition.files.depth:
                return self._told(self._rules.too_deep)
            unit, folder = self._unit(unit.path_of(part), inner, unit, context), inner
        return self._set(unit) if unit.kind else self._folder(unit)

    def _unit(self, path: str, relative: str, above: Unit | None, context: Context) -> Unit:
        listing = list_folder(path, self._real)
        if kind := Neighbours(path, names_in(listing)).folder_set or "":
            listing = list_tree(path, self._real)
        state = self._memory.folders.find(path)
        outside = above.context if above else context.root
        folder, _, name = relative.rpartition("/")
        return Unit(
            path=path,
            below=relative.lower(),
            rules=above.rules.inside(name, folder) if above else self._rules.root,
            listing=listing,
            state=state,
            context=context.inside(outside, listing),
            id=state.id if state else 0,
            parent=None,
            kind=kind,
            beside=names_in(above.listing) if above else (),
        )

    def _entry(self, unit: Unit, name: str) -> Decision:
        """Decide about what is not a folder."""
        for odd in unit.listing.odd:
            if odd.name == name:
                return self._told(LeftOut(odd.code, odd.reason), odd.verdict)
        if name not in {row[0] for row in unit.listing.rows}:
            return self._missing()
        case = self._judge.begin(unit, room=1, only={name})
        self._judge.conclude([case])
        return self._found(case, name)

    def _set(self, unit: Unit) -> Decision:
        """Decide about a folder that is one thing."""
        case = self._judge.begin(unit, room=1)
        self._judge.conclude([case])
        return self._found(case, "")

    def _found(self, case: Case, name: str) -> Decision:
        of_sets = [each for each in case.decisions if each.fileset]
        for decision in [*of_sets, *(each for each in case.decisions if each.path == self._path)]:
            return decision
        if name and (left_out := case.unit.rules.why_file(name, case.unit.below)):
            return self._told(left_out)
        if reason := case.reasons.get(name):
            return self._told(reason)
        return self._known(case.unit.path_of(name)) or self._missing()

    def _known(self, path: str, further: str = "") -> Decision | None:
        """Return what is remembered, with the import that has or had it."""
        for known in self._memory.holding(path):
            run = f"Import {known.run_id}." if known.run_id and known.run_id not in known.reason else ""
            reason = " ".join(filter(None, (known.reason, run, further)))
            return known.as_decision().model_copy(update={"reason": reason})
        return None

    def _missing(self) -> Decision:
        gone = self._known(self._path, "It is not there any more.")
        return gone or self._told(LeftOut("source-missing", "There is no such file or folder."))

    def _unreadable(self, failed: OSError) -> Decision:
        reason = f"It cannot be looked into: {failed.strerror}. Give the courier's account access to it."
        return self._told(LeftOut("source-unreadable", reason), Verdict.QUARANTINED)

    def _folder(self, unit: Unit) -> Decision:
        """Say what was found in a folder; each file in it has an answer of its own."""
        counts = json.loads(unit.state.counts) if unit.state else {}
        said = ", ".join(f"{count:,} {code.replace('/', ': ')}" for code, count in counts.items())
        reason = f"It is a folder; directly in it, at the latest look: {said or 'nothing'}."
        return self._told(LeftOut("folder", reason))

    def _told(self, why: LeftOut, verdict: Verdict = Verdict.SKIPPED) -> Decision:
        return Decision(path=shown(self._path), verdict=verdict, code=why.code, reason=why.reason)


def _of(left_out: LeftOut, folder: str, path: str) -> LeftOut:
    """Tell of the folder where it is not the path itself."""
    return left_out if folder == path else left_out._replace(reason=f"Of its folder {folder}: {left_out.reason}")
