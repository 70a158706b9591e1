"""Answers people about one sweep, on the machine where it remembers: why a file is not imported; releases files.

Where this machine has neither the folder nor the memory it says that it cannot tell, and concludes nothing.
"""

import logging
import os
import posixpath
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.core.disk import told_of
from flows.core.errors import (
    RequestError,
    SourceAway,
    SourceElsewhere,
    SourceError,
    SourceNotAllowed,
    Unassigned,
    UnknownSweep,
)
from flows.core.requests import Fileset, SourceFile
from flows.core.settings import Settings
from flows.core.sweep.assignment import Assigner
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.loading import find_sweep
from flows.core.sweep.memory import Memory
from flows.core.sweep.verdicts import Decision, Verdict
from flows.core.sweep.why import why
from flows.core.verify import Access
from flows.core.verify.settle import SYSTEM_CLOCK, Clock

log = logging.getLogger(__name__)


def explain(
    name: str,
    path: str,
    settings: Settings,
    *,
    users: Collection[str] | None = None,
    swept: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Decision:
    """Say what a sweep decides about a file or folder, and why.

    Args:
        name: of the sweep.
        path: absolute, or below the sweep's root; a name that is no UTF-8 with surrogates, as the system has it.
        settings: where definitions and memories lie.
        users: who asks, by OMERO login names; None is somebody who may know everything.
        swept: whether it is known that it was swept before, so that there is a memory somewhere.
        clock: the time.

    Raises:
        UnknownSweep: there is no definition of this name here.
        Misdefined: it is faulty.
        SourceNotAllowed: it is not theirs; said alike whether it exists or not.
        SourceAway: the folder, or what is remembered of it, is not here or does not answer.
        SourceError: it cannot be looked at.
    """
    definition = definition_of(name, settings)
    asked = _absolute(path, definition)
    assigner = Assigner(definition)
    if users is not None and not any(_may_know(user, asked, definition, assigner, settings) for user in users):
        raise not_yours()
    _check_is_here(definition)
    with _looked_at(settings.sweeps.memory_of(name), needed=swept) as memory:
        verification = settings.verification
        decision = why(definition, asked, assigner=assigner, memory=memory, verification=verification, clock=clock)
    return _assigned(decision, asked, assigner)


def release(name: str, path: str | None, settings: Settings, *, swept: bool = False) -> int:
    """Let the next sweep look at what failed or is quarantined as if it were new, and say how many filesets that are.

    Args:
        name: of the sweep.
        path: only this file, or what is in this folder; None is all.
        settings: where definitions and memories lie.
        swept: whether it is known that it was swept before, so that there is a memory somewhere.

    Raises:
        UnknownSweep: there is no definition of this name here.
        Misdefined: it is faulty.
        SourceAway: what is remembered is not here, or cannot be changed now.
    """
    definition = definition_of(name, settings)
    only = _absolute(path, definition) if path is not None else None
    place = settings.sweeps.memory_of(name)
    if not place.exists() and not swept:
        return 0
    with _usable(place), Memory.opened(place) as memory:
        return memory.release(only)


def definition_of(name: str, settings: Settings) -> SweepDefinition:
    """Return the definition of a sweep.

    Raises:
        UnknownSweep: there is none of this name here.
        Misdefined: it is faulty.
    """
    if settings.sweeps.folder is None:
        raise UnknownSweep("There are no sweeps here: COURIER_SWEEPS__FOLDER is not set.")
    return find_sweep(settings.sweeps.folder, name, settings)


def not_yours() -> SourceNotAllowed:
    """Say that somebody asks about what is none of theirs, whether it exists or not."""
    what = "You may ask only about files that are imported for you."
    return SourceNotAllowed(what, advice="Ask the administrators of this OMERO about others.")


def _absolute(path: str, definition: SweepDefinition) -> str:
    if "\0" in path:
        raise RequestError("A path has no NUL character.")
    if ".." in path.split("/"):
        raise RequestError("A path may not go up with '..'.")
    return posixpath.normpath(posixpath.join(str(definition.root), path))


def _assigned(decision: Decision, asked: str, assigner: Assigner) -> Decision:
    """Say whose it is and where it goes also where that did not matter yet, or does not any more."""
    if decision.assignment is not None or decision.verdict in (Verdict.SKIPPED, Verdict.QUARANTINED):
        return decision
    try:
        fileset = decision.fileset or Fileset(files=(_found(asked),))
        return decision.model_copy(update={"assignment": assigner.assign(fileset)})
    except SourceError:
        return decision


def _found(path: str) -> SourceFile:
    with told_of(path):
        found = os.lstat(path)
    return SourceFile(path=path, client_path=path, size=found.st_size, mtime_ns=found.st_mtime_ns)


def _may_know(user: str, path: str, definition: SweepDefinition, assigner: Assigner, settings: Settings) -> bool:
    """Whether it is this user's; of what is nobody's, whether they could ask for its import themselves."""
    try:
        return assigner.user_of(path) == user and not _leads_elsewhere(path, definition)
    except Unassigned:
        access = Access(user=user, groups=(), roots=settings.roots, here=settings.station)
    try:
        access.allowed(path)
    except (SourceNotAllowed, SourceElsewhere):
        return False
    return _lies_below(path, definition)


def _leads_elsewhere(path: str, definition: SweepDefinition) -> bool:
    """Whether there are links in the path: what they lead to may be somebody else's."""
    below = os.path.relpath(path, definition.root)
    return os.path.realpath(path) != os.path.join(os.path.realpath(definition.root), below)  # noqa: PTH118


def _lies_below(path: str, definition: SweepDefinition) -> bool:
    return Path(path).is_relative_to(definition.root)


def _check_is_here(definition: SweepDefinition) -> None:
    root = str(definition.root)
    with told_of(root):
        try:
            with os.scandir(root) as entries:
                empty = next(entries, None) is None
        except (FileNotFoundError, NotADirectoryError) as missing:
            raise SourceAway("This machine does not have the folder of the sweep.", which=root) from missing
    if empty:
        raise SourceAway("The folder of the sweep is empty on this machine, as a share that is away.", which=root)


@contextmanager
def _looked_at(place: Path, *, needed: bool) -> Iterator[Memory]:
    """Open what is remembered, only to read it; what is not there yet is not begun: that is for the sweeps to do."""
    if place.exists() or needed:
        with _usable(place), Memory.looked_at(place) as memory:
            yield memory
        return
    with tempfile.TemporaryDirectory(prefix="courier-sweep-") as folder, Memory.opened(Path(folder, "none")) as none:
        yield none


@contextmanager
def _usable(place: Path) -> Iterator[None]:
    """Say in the courier's words that what is remembered cannot be used in here."""
    if not place.exists():
        raise SourceAway("This machine does not have what the sweep remembers.", which=str(place))
    if not os.access(place, os.R_OK | os.W_OK) or not os.access(place.parent, os.W_OK):
        raise SourceAway("This account may not use what the sweep remembers.", which=str(place))
    try:
        yield
    except sqlite3.Error as failed:
        log.warning("%s: %s", place, failed)
        raise SourceAway("What the sweep remembers cannot be used just now.", which=str(place)) from failed
