"""Looks at the sources of a request before it is accepted; leaves to the worker what this machine cannot see."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.problems import Problem, Reason
from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, SourceEmpty, SourceError, SourceNotAllowed, SourceUnreadable
from flows.core.requests import Failure, SourceFile
from flows.core.settings import Verification
from flows.core.sources import client_path
from flows.core.verify import Access, Expansion, Permit, expand

LOOK_SECONDS = 5.0
"""What cannot be looked at in this time, say a huge folder, is left to the worker."""
NOT_ALLOWED = SourceNotAllowed().code


@dataclass(frozen=True)
class Look:
    """What the API's machine saw of the sources."""

    expansion: Expansion
    complete: bool
    """Whether it could see them all."""
    station: str | None = None
    """The workstation whose own worker alone sees them, if they are not for every worker."""


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
    permits = _judged(sources, access)
    station = _one_of({permit.station for permit in permits})
    here = station == access.here
    seen = [source for source, permit in zip(sources, permits, strict=True) if here and is_here(access, permit)]
    try:
        expansion = expand(seen, access=access, settings=settings, control=Deadline(LOOK_SECONDS))
    except ImportCancelled:
        return Look(Expansion(), complete=False, station=station)
    named = {client_path(source) for source in seen}
    hopeless = [failure for failure in expansion.refused if failure.which in named or not expansion.filesets]
    hopeless += [bad for each in expansion.filesets for file in each.files if (bad := _unusable(file, named))]
    if hopeless:
        raise refuse(hopeless, sources)
    return Look(expansion, complete=len(seen) == len(sources), station=station)


def _judged(sources: Sequence[str], access: Access) -> list[Permit]:
    permits, refusals = [], []
    for source in sources:
        try:
            permits.append(access.judge(client_path(source)))
        except SourceError as refused:
            refusals.append(Failure.of(refused))
    if refusals:
        raise refuse(sorted(refusals, key=lambda each: each.code != NOT_ALLOWED), sources)
    return permits


def _one_of(stations: set[str | None]) -> str | None:
    """Return the only machine among these.

    Raises:
        Problem: there are several, and no worker sees what all of them have.
    """
    if len(stations) > 1:
        places = sorted("the workers' shares" if each is None else f"the workstation {each}" for each in stations)
        raise Problem(
            422,
            "several-stations",
            f"body.sources: these lie on different machines: {', '.join(places)}. No worker sees them all.",
            advice="Ask for an import of each.",
        )
    return next(iter(stations), None)


def refuse(failures: Sequence[Failure], sources: Sequence[str]) -> Problem:
    """Say what is wrong with which source."""
    places = {client_path(source): f"body.sources.{index}" for index, source in enumerate(sources)}
    errors = [
        Reason(field=places.get(each.which), code=each.code, what=each.what, which=each.which, advice=each.advice)
        for each in failures
    ]
    first = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    status = 403 if first.code == NOT_ALLOWED else 422
    return Problem(status, first.code, f"{first.which}: {first.what}{more}", advice=first.advice, errors=errors[:100])


def is_here(access: Access, permit: Permit) -> bool:
    """Whether this machine has what the root holds: where it is not mounted there is no folder, or an empty one."""
    if permit.root in access.remotes:  # another machine's: the worker asks it, the API does not
        return False
    root = access.roots[permit.root]
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
