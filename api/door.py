"""Looks at the sources of a request before it is accepted; leaves to the worker what this machine cannot see."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.problems import Problem, Reason
from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, SourceEmpty, SourceError, SourceNotAllowed, SourceUnreadable
from flows.core.remotes import is_remote, normal
from flows.core.requests import Failure, SourceFile
from flows.core.settings import Root, Verification
from flows.core.verify import Access, Expansion, expand

LOOK_SECONDS = 5.0
"""What cannot be looked at in this time, say a huge folder, is left to the worker."""
NOT_ALLOWED = SourceNotAllowed().code


@dataclass(frozen=True)
class Look:
    """What the API's machine saw of the sources."""

    expansion: Expansion
    complete: bool
    """Whether it could see them all."""


@dataclass
class Deadline(Uncontrolled):
    """A `Control` that ends a look around after some time."""

    seconds: float
    _began: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Go on while there is time."""
        if time.monotonic() - self._began > self.seconds:
            raise ImportCancelled


def look_at(sources: Sequence[str], access: Access, settings: Verification) -> Look:
    """Look up what the sources stand for.

    Raises:
        Problem: some are not the user's (403), or cannot be imported (422). Nothing was looked at that is not theirs.
    """
    refusals = [refused for source in sources if (refused := _not_allowed(source, access))]
    if refusals:
        raise refuse(refusals, sources)
    seen = [source for source in sources if _is_seen(source, access)]
    try:
        expansion = expand(seen, access=access, settings=settings, control=Deadline(LOOK_SECONDS))
    except ImportCancelled:
        return Look(Expansion(), complete=False)
    named = {_plain(source) for source in seen}
    hopeless = [failure for failure in expansion.refused if failure.which in named or not expansion.filesets]
    hopeless += [bad for each in expansion.filesets for file in each.files if (bad := _unusable(file, named))]
    if hopeless:
        raise refuse(hopeless, sources)
    return Look(expansion, complete=len(seen) == len(sources))


def refuse(failures: Sequence[Failure], sources: Sequence[str]) -> Problem:
    """Say what is wrong with which source."""
    places = {_plain(source): f"body.sources.{index}" for index, source in enumerate(sources)}
    errors = [
        Reason(
            field=places.get(_plain(each.which)), code=each.code, what=each.what, which=each.which, advice=each.advice
        )
        for each in failures
    ]
    first = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    status = 403 if first.code == NOT_ALLOWED else 422
    return Problem(status, first.code, f"{first.which}: {first.what}{more}", advice=first.advice, errors=errors[:100])


def _plain(path: str) -> str:
    """Write a path as the expansion does."""
    if is_remote(path):
        return normal(path)
    return "/" + os.path.normpath(path).lstrip("/")


def _not_allowed(source: str, access: Access) -> Failure | None:
    try:
        access.allowed(source)
    except SourceNotAllowed as refused:
        return Failure.of(refused)
    return None


def _is_seen(source: str, access: Access) -> bool:
    """Whether this machine can look at a source; what is on another one is the worker's to look at."""
    return not is_remote(source) and _is_here(access.roots[access.allowed(source).root])


def _is_here(root: Root) -> bool:
    """Whether this machine has what the root holds: where it is not mounted there is no folder, or an empty one."""
    before, personal, _ = str(root.path).partition("{user}")
    folder = Path(f"{before}_").parent if personal else root.path
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _unusable(file: SourceFile, named: set[str]) -> Failure | None:
    """What is wrong with a file that was asked for by name; those found in folders are told of in the run's report."""
    if file.client_path not in named:
        return None
    wrong: SourceError | None = None
    if file.size == 0:
        wrong = SourceEmpty(which=file.client_path)
    elif not os.access(file.path, os.R_OK):
        wrong = SourceUnreadable(which=file.client_path)
    return None if wrong is None else Failure.of(wrong)
