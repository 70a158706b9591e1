"""Puts files away whose import is over: moves or deletes them as was wished, and nothing unconfirmed.

Before a file goes, all files of its fileset are what they were when they were imported, its root allows it, and OMERO
was seen, just before, to hold the very same bytes. Whatever cannot be done leaves the files where they are, and is
tried again later. Files that OMERO reads in place are never confirmed: `confirm_held` refuses them.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from pathlib import PurePosixPath
from typing import Literal

from flows.core.afterwards.begun import begun, clear
from flows.core.afterwards.below import State
from flows.core.afterwards.deeds import carry_out
from flows.core.afterwards.emptied import remove_emptied
from flows.core.afterwards.goals import free_goals
from flows.core.afterwards.ground import Ground
from flows.core.afterwards.items import Arrived, Deed, Failed, Handled, Outcome
from flows.core.afterwards.names import FAILED, IMPORTED, OWN, is_set_aside
from flows.core.disk import told_of
from flows.core.errors import (
    CourierError,
    NotConfirmed,
    OmeroBusy,
    OmeroError,
    OmeroUnavailable,
    SourceAway,
    SourceChanged,
    SourceError,
    SourceNotAllowed,
)
from flows.core.requests import SourceFile
from flows.core.verify import check_after

What = Literal["move", "delete"]


def put_away(items: Sequence[Arrived | Failed], ground: Ground) -> list[Handled]:
    """Move or delete the files of these filesets as far as it is wished and nothing speaks against it.

    First what an earlier process left half-done is finished, whether it is among the items or not. Filesets whose
    files are to stay where they are do not appear in the answer. Two sweeps of one folder, or two processes of one
    import, must not do this at a time.

    Args:
        items: filesets whose import is over.
        ground: the folder, and whom to ask.

    Raises:
        SourceError: the folder cannot be looked at.
        ImportCancelled, RunPutOff: the control said so, between two filesets or while one was read.
    """
    with told_of(str(ground.root)):
        ground.below.is_empty()
        left = begun(ground.below, ground.run_id)
    rounds = _Round(ground)
    try:
        handled = [rounds.attempt(deed.item, rounds.finish, deed) for deed in left]
        seen = {deed.item.fileset.key for deed in left}
        handled += [
            rounds.attempt(item, rounds.put_away, item, what)
            for item in items
            if item.fileset.key not in seen and (what := _wanted(item, ground)) is not None
        ]
    finally:
        if ground.quiet is not None:
            now = ground.now().timestamp()
            remove_emptied(ground.below, rounds.touched, quiet=ground.quiet, now=now)
        clear(ground.below)
    return handled


def _wanted(item: Arrived | Failed, ground: Ground) -> What | None:
    """Say what is wanted of it."""
    if isinstance(item, Failed):
        return "move" if ground.afterwards.failed == "move" else None
    return None if ground.afterwards.imported == "keep" else ground.afterwards.imported


class _Round:
    """One pass over filesets."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._below = ground.below
        self._away: OmeroError | None = None
        self.touched: set[PurePosixPath] = set()
        """Folders that files may have been taken out of."""

    def attempt(self, item: Arrived | Failed, step: Callable[..., Handled], *arguments: object) -> Handled:
        """Take a step with a fileset; where it fails, its files are kept."""
        self._ground.control.check()
        try:
            return step(*arguments)
        except (SourceError, OmeroError) as error:
            if isinstance(error, OmeroUnavailable | OmeroBusy):
                self._away = error
            return _kept(item, error)

    def put_away(self, item: Arrived | Failed, what: What) -> Handled:
        """Move or delete the files of a fileset, if it is time and nothing speaks against it."""
        due = item.at + timedelta(hours=self._ground.afterwards.delay_hours)
        if isinstance(item, Arrived) and self._ground.now() < due:
            reason = (
                f"To be {'moved' if what == 'move' else 'deleted'} from {due.astimezone(UTC):%Y-%m-%d %H:%M} UTC on."
            )
            return Handled(item=item, outcome=Outcome.WAITING, code="delay", reason=reason)
        files = item.fileset.files
        if not any(os.path.lexists(file.path) for file in files):
            return self._gone(item)
        self._check_rights(item, what)
        states = self._confirmed(item, files)
        deed = self._deed(item, what)
        self._touch(files)
        return carry_out(deed, states, self._ground)

    def finish(self, deed: Deed) -> Handled:
        """Do the rest of what a dead process had begun; files that have changed since are left alone."""
        files = [file for file in deed.item.fileset.files if os.path.lexists(file.path)]
        states: dict[str, State] = {}
        stopped: CourierError | None = None
        try:
            for goal in deed.goals:
                if not is_set_aside(PurePosixPath(goal)) or ".." in PurePosixPath(goal).parts:
                    raise SourceNotAllowed(which=goal)
            if files:
                self._check_rights(deed.item, deed.what)
                states = self._confirmed(deed.item, files)
        except (NotConfirmed, SourceNotAllowed, SourceChanged) as error:
            stopped = error
        self._touch(deed.item.fileset.files)
        handled = carry_out(deed, states, self._ground, again=True)
        return handled if stopped is None else _kept(deed.item, stopped)

    def _gone(self, item: Arrived | Failed) -> Handled:
        with told_of(str(self._ground.root)):
            if self._below.is_empty():
                raise SourceAway(
                    "The folder is empty, as it is when its share is not mounted.", which=str(self._below.root)
                )
        return Handled(item=item, outcome=Outcome.GONE, code="gone", reason="No file of it is there any more.")

    def _check_rights(self, item: Arrived | Failed, what: What) -> None:
        """Look at what costs nothing before gigabytes are read."""
        for file in item.fileset.files:
            relative = self._below.relative(file)
            check_after(self._ground.roots, item.user, file.path, what)
            places = [relative.parent, PurePosixPath(OWN)]
            if what == "move":
                places.append(PurePosixPath(FAILED if isinstance(item, Failed) else IMPORTED) / relative.parent)
            for place in places:
                if not self._below.may_change(place):
                    raise SourceError(
                        f"The courier's account may not write in {self._below.root / place}.",
                        which=file.client_path,
                        advice="Give it the right to.",
                    )

    def _confirmed(self, item: Arrived | Failed, files: Sequence[SourceFile]) -> dict[str, State]:
        """Return the states of files that OMERO was just seen to hold, or that failed and are as they were."""
        before = {file.path: self._below.look(file) for file in files}
        if isinstance(item, Arrived):
            if self._away is not None:
                raise self._away
            self._ground.confirm(item, files)
        for file in files:
            if self._below.look(file) != before[file.path]:
                raise SourceChanged("It changed while it was compared with OMERO.", which=file.client_path)
        return before

    def _deed(self, item: Arrived | Failed, what: What) -> Deed:
        if what == "delete":
            return Deed(what=what, item=item, of_import=self._ground.run_id is not None)
        aside = FAILED if isinstance(item, Failed) else IMPORTED
        goals = free_goals(self._below, aside, [self._below.relative(file) for file in item.fileset.files])
        reason = str(goals.reason) if isinstance(item, Failed) else None
        return Deed(
            what=what,
            item=item,
            goals=tuple(map(str, goals.files)),
            reason_file=reason,
            of_import=self._ground.run_id is not None,
        )

    def _touch(self, files: Sequence[SourceFile]) -> None:
        root = self._below.root
        paths = [PurePosixPath(file.path) for file in files]
        self.touched |= {path.relative_to(root).parent for path in paths if path.is_relative_to(root)}


def _kept(item: Arrived | Failed, error: CourierError) -> Handled:
    may_pass = error.transient and not isinstance(error, SourceChanged)
    return Handled(item=item, outcome=Outcome.KEPT, code=error.code, reason=str(error), may_pass=may_pass)
