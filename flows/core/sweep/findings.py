"""What a look has found so far, and how it gets into the memory."""

import json
from collections import Counter

from flows.core.sweep.case import UNFINISHED, Case, Unit
from flows.core.sweep.folders import PENDING, RESTFUL, FolderState
from flows.core.sweep.listing import shown
from flows.core.sweep.memory import Memory
from flows.core.sweep.settling import FIRST_LOOK
from flows.core.sweep.verdicts import Decision, Verdict

SHOWN = 1000
"""Decisions of each verdict that are listed, but for what is new."""
_CLOCK = "clock-ahead"


class Findings:
    """Decisions and counts, while they grow."""

    def __init__(self, memory: Memory, now: float) -> None:
        """Begin with nothing."""
        self._memory = memory
        self._now = now
        self._passed: Counter[str] = Counter()
        """Folders that are as they were, by their counts."""
        self._left: Counter[str] = Counter()
        """Folders that are as they were and were not judged, since there is enough for one sweep."""
        self._counts: Counter[str] = Counter()
        self._shown: Counter[Verdict] = Counter()
        self.decisions: list[Decision] = []
        self.problems: list[Decision] = []
        self.gone: list[str] = []
        """Keys of what is not on disk any more."""
        self.gone_folders: list[str] = []
        self.files = 0
        self.folders = 0

    def passed(self, state: FolderState) -> None:
        """A folder is as it was."""
        self._passed[state.counts] += 1

    def left(self, state: FolderState) -> None:
        """A folder is as it was, and what is unfinished in it has to wait."""
        self._left[state.counts] += 1

    def first(self, unit: Unit) -> int:
        """Keep a folder that was never seen before, in one piece, and return its number."""
        rows, rules = unit.listing.rows, unit.rules
        out = rules.left_out([row[0] for row in rows], unit.below)
        counts = Counter(why.code for name in out if (why := rules.why_file(name, unit.below)))
        counts.update(why.code for _, why in unit.left_out)
        tally = Counter({f"skipped/{code}": count for code, count in counts.items()})
        tally[Verdict.SETTLING.value] = len(rows) - len(out)
        self._counts += tally
        self._show_first(unit, frozenset(out))
        waiting = len(rows) > len(out)
        return self._keep(unit, tally, PENDING if waiting else RESTFUL, unit.listing.packed if waiting else None)

    def _show_first(self, unit: Unit, out: frozenset[str]) -> None:
        if self._shown[Verdict.SETTLING] >= SHOWN:
            return
        for name, _, _ in unit.listing.rows:
            if name not in out:
                path = unit.path_of(name)
                self._show(
                    Decision(path=path, verdict=Verdict.SETTLING, code=FIRST_LOOK.code, reason=FIRST_LOOK.reason)
                )

    def add(self, case: Case) -> None:
        """Take what was decided about a folder, and remember it."""
        self._memory.forget(case.forget)
        self._memory.remember(case.remember)
        self.gone += case.gone
        self._counts += case.counts
        for decision in case.decisions:
            # What is quarantined as a fileset is remembered, and shown from there.
            if decision.verdict is not Verdict.QUARANTINED or decision.fileset is None:
                self._show(decision)
        ahead = [name for name, wait in case.waits.items() if wait.code == _CLOCK]
        if ahead:
            self.problem(case.unit.path_of(ahead[0]), _CLOCK, case.waits[ahead[0]].reason, Verdict.SETTLING)
        self._keep(case.unit, case.counts, case.rest, case=case)

    def _keep(
        self, unit: Unit, counts: Counter[str], rest: int, listing: bytes | None = None, case: Case | None = None
    ) -> int:
        return self._memory.folders.keep(
            unit.path,
            parent=unit.parent,
            context=unit.context,
            digest=unit.listing.digest,
            rest=rest,
            kind=unit.kind,
            mounted=unit.mounted,
            files=len(unit.listing.rows),
            counts=json.dumps(dict(sorted((+counts).items()))),
            looked=self._now,
            listing=listing,
            seen=case.seen if case else None,
        )

    def _show(self, decision: Decision) -> None:
        if decision.verdict is Verdict.NEW or self._shown[decision.verdict] < SHOWN:
            self._shown[decision.verdict] += 1
            self.decisions.append(decision)

    def problem(self, path: str, code: str, reason: str, verdict: Verdict = Verdict.QUARANTINED) -> None:
        """Note something that somebody should look into."""
        if len(self.problems) < SHOWN:
            self.problems.append(Decision(path=shown(path), verdict=verdict, code=code, reason=reason))

    @property
    def counts(self) -> Counter[str]:
        """How many filesets by verdict, and by `skipped/` and code."""
        whole = Counter(self._counts)
        for text, folders in self._passed.items():
            for code, count in json.loads(text).items():
                whole[code] += count * folders
        for text, folders in self._left.items():
            for code, count in json.loads(text).items():
                whole[Verdict.WAITING.value if code in UNFINISHED else code] += count * folders
        return +whole
