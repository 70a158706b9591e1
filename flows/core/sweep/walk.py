"""Walks down a watched folder and passes what is as it was; what may have changed it has judged."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flows.core.control import Control
from flows.core.disk import source_error
from flows.core.errors import SourceAway
from flows.core.sweep.case import Case, Unit
from flows.core.sweep.context import Context
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.findings import Findings
from flows.core.sweep.folders import PENDING, RESTFUL, FolderState
from flows.core.sweep.grouping import AT_ONCE
from flows.core.sweep.judge import Judge
from flows.core.sweep.listing import Listing, Subfolder, list_folder, list_tree
from flows.core.sweep.memory import Memory
from flows.core.sweep.rules import FolderRules, LeftOut, Rules, below
from flows.core.sweep.verdicts import Verdict
from flows.core.sweep.wholes import whole

_FOLDERS_AT_ONCE = 500
_SECONDS_AT_ONCE = 2.0
"""After these the memory is free for others for a moment."""


class Visit(NamedTuple):
    """A folder that is to be looked at."""

    path: str
    below: str
    """Its path below the root."""
    rules: FolderRules
    context: bytes
    """Of the folder above."""
    state: FolderState | None
    parent: int | None
    chain: tuple[tuple[int, int], ...]
    """Device and inode of it and of all above it: a folder cannot lie in itself."""
    mounted: bool = False
    beside: tuple[str, ...] = ()


class Walk:
    """One way through all folders, the uppermost first."""

    def __init__(
        self,
        definition: SweepDefinition,
        *,
        rules: Rules,
        context: Context,
        judge: Judge,
        memory: Memory,
        control: Control,
        findings: Findings,
    ) -> None:
        """Take whom to ask; `run` begins."""
        self._root = os.path.normpath(definition.root)
        self._real = os.path.realpath(definition.root)
        self._definition = definition
        self._rules = rules
        self._context = context
        self._judge = judge
        self._memory = memory
        self._control = control
        self._findings = findings
        self._room = definition.limits.filesets_per_sweep
        """How many more files may be judged ready: what a sweep cannot hand over need not be put together."""
        self._loose = memory.folders.has_loose()
        self._cases: list[Case] = []

    def run(self) -> None:
        """Look at all folders.

        Raises:
            SourceAway: the share does not answer.
        """
        left = [self._uppermost()]
        while left:
            began = time.monotonic()
            with self._memory.changing():
                for _ in range(_FOLDERS_AT_ONCE):
                    left += reversed(self._folder(left.pop()))
                    if not left or time.monotonic() - began > _SECONDS_AT_ONCE:
                        break
                self._conclude()

    def _uppermost(self) -> Visit:
        try:
            look = os.stat(self._root)  # noqa: PTH116
        except OSError as failed:
            raise SourceAway(which=self._root) from failed
        state = self._memory.folders.find(self._root)
        here = (look.st_dev, look.st_ino)
        return Visit(self._root, "", self._rules.root, self._context.root, state, None, (here,))

    def _folder(self, visit: Visit) -> list[Visit]:
        """Look at one folder, and return those in it."""
        self._control.check()
        state = visit.state
        try:
            listing, kind = self._listed(visit)
        except OSError as failed:
            self._unknown(visit, failed)
            return []
        if state and state.mounted and not visit.mounted and listing.empty:
            reason = "Another disk or share was mounted here, and is not now. What was on it is left as it was."
            self._findings.problem(visit.path, "not-mounted", reason)
            return []
        self._findings.folders += 1
        self._findings.files += len(listing.rows)
        kept, left_out = self._below(visit, listing)
        unit = Unit(
            path=visit.path,
            below=visit.below.lower(),
            rules=visit.rules,
            listing=listing,
            state=state,
            context=self._context.inside(visit.context, listing),
            id=state.id if state else 0,
            parent=visit.parent,
            kind=kind,
            mounted=visit.mounted,
            left_out=left_out,
            beside=visit.beside,
        )
        known = self._known_below(unit, kept)
        self._take(unit)
        return [] if kind else list(self._inside(visit, unit, kept, known))

    def _listed(self, visit: Visit) -> tuple[Listing, str]:
        """List a folder: as a whole where it is a set, of what kind it is then."""
        state = visit.state
        if state and state.kind:
            tree = list_tree(visit.path, self._real)
            if kind := whole(visit.path, (row[0] for row in tree.rows)):
                return tree, kind
        listing = list_folder(visit.path, self._real)
        if state and state.digest == listing.digest and state.rest == RESTFUL:
            return listing, ""
        kind = whole(visit.path, (row[0] for row in listing.rows))
        return (list_tree(visit.path, self._real), kind) if kind else (listing, "")

    def _unknown(self, visit: Visit, failed: OSError) -> None:
        """Note that nothing can be said of a folder; what was in it is left as it was."""
        error = source_error(failed, visit.path)
        if isinstance(error, SourceAway) or not visit.below:
            raise SourceAway(f"It does not answer: {failed.strerror}.", which=visit.path) from failed
        if not isinstance(failed, FileNotFoundError | NotADirectoryError):
            reason = f"The folder cannot be looked into: {failed.strerror}. Give the courier's account access to it."
            self._findings.problem(visit.path, "folder-unreadable", reason)

    def _below(self, visit: Visit, listing: Listing) -> tuple[list[Subfolder], list[tuple[str, LeftOut]]]:
        """Sort the folders in a folder into those that are looked into and those that are not."""
        kept: list[Subfolder] = []
        left_out: list[tuple[str, LeftOut]] = []
        deep = len(visit.chain) > self._definition.files.depth
        taken: set[tuple[str, int, int]] = set()
        for each in listing.subfolders:
            same = (each.name.lower(), each.device, each.inode)
            if why := visit.rules.why_folder(each.name, visit.below):
                left_out.append((each.name, why))
            elif deep:
                left_out.append((each.name, self._rules.too_deep))
            elif same in taken:
                left_out.append((each.name, LeftOut("same-folder", "Its name in other letters leads to it, too.")))
            elif (each.device, each.inode) in visit.chain:
                self._findings.problem(f"{visit.path}/{each.name}", "loop", "The folder lies in itself.")
            else:
                kept.append(each)
            taken.add(same)
        return kept, left_out

    def _known_below(self, unit: Unit, kept: list[Subfolder]) -> Mapping[str, FolderState]:
        """Return what is remembered of the folders in a folder, and note which are gone."""
        if unit.state is None or (unit.is_as_before and not unit.listing.subfolders):
            return {}
        known = self._memory.folders.inside(unit.state.id)
        if unit.kind:
            self._memory.folders.forget(each.path for each in known.values())
        else:
            gone = known.keys() - {each.name for each in kept}
            self._findings.gone_folders += [known[name].path for name in sorted(gone)]
        return known

    def _inside(
        self, visit: Visit, unit: Unit, kept: list[Subfolder], known: Mapping[str, FolderState]
    ) -> Iterator[Visit]:
        beside = names_in(unit.listing) if kept else ()
        device = visit.chain[-1][0]
        for each in kept:
            path = unit.path_of(each.name)
            yield Visit(
                path=path,
                below=below(visit.below, each.name),
                rules=visit.rules.inside(each.name, visit.below),
                context=unit.context,
                state=known.get(each.name) or (self._memory.folders.find(path) if self._loose else None),
                parent=unit.id,
                chain=(*visit.chain, (each.device, each.inode)),
                mounted=each.device != device,
                beside=beside,
            )

    def _take(self, unit: Unit) -> None:
        """Pass a folder, or have it judged."""
        state = unit.state
        if state is None and not (unit.kind or unit.listing.odd) and self._definition.quiet:
            unit.id = self._findings.first(unit)
        elif state and unit.is_as_before and state.rest == RESTFUL:
            self._findings.passed(state)
        elif state and unit.is_as_before and state.rest == PENDING and self._room <= 0 and not unit.listing.odd:
            self._findings.left(state)
        else:
            unit.id = unit.id or self._memory.folders.unsettled(unit.path)
            case = self._judge.begin(unit, room=self._room)
            self._room -= len(case.ready)
            self._cases.append(case)
            if sum(len(each.ready) for each in self._cases) >= AT_ONCE:
                self._conclude()

    def _conclude(self) -> None:
        self._judge.conclude(self._cases)
        for case in self._cases:
            self._room += len(case.ready) - case.counts[Verdict.NEW.value]
            self._findings.add(case)
        self._cases = []


def names_in(listing: Listing) -> tuple[str, ...]:
    """Return all names in a folder."""
    rows = [row[0] for row in listing.rows]
    return (*rows, *(each.name for each in listing.subfolders), *(each.name for each in listing.odd))
