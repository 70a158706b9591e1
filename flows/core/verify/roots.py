"""Says which configured root a path lies below and whether this user may import from there; reads no file's content.

What a client named is first looked up in the rules that say where workers see it; then links are resolved, and only
the result is judged: a rule opens nothing that no root opens. What lies outside is refused in the same words whether
it exists or not. Of several roots that hold a path, the deepest decides: a folder opened to everyone does not open the
folders below it that another root gives to somebody.

A root may lie on one workstation, whose own workers alone see it: they see no other root, and nobody else sees it.
"""

import os
import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Literal, Protocol

from flows.core.errors import SourceElsewhere, SourceMissing, SourceNotAllowed, SourceSyntax, SourceUnmapped
from flows.core.mounts import NO_MOUNTS, Mounts
from flows.core.remotes import Connections, Place, Remote, Store, is_remote
from flows.core.requests import Frozen
from flows.core.settings import Root
from flows.core.sources import Source, is_at_or_below
from flows.core.verify.afar import Afar

EVERY_ROOT = "*"


class Permit(Frozen):
    """A path that this user may import from."""

    real_path: str
    """With all links resolved: what is opened."""
    root: str
    """The name of the root that it lies below."""
    station: str | None = None
    """The workstation whose own worker alone sees it, if it is not for every worker."""


class Gate(Protocol):
    """Says of each path whether it may be imported from."""

    def allowed(self, path: str) -> Permit:
        """Return where a path, as clients write it, really leads; raises SourceError where nothing may be imported."""

    def check_real(self, real_path: str, which: str) -> None:
        """See that a path with its links resolved is still that; raises SourceError about `which` where it is not."""

    def is_away(self, permit: Permit) -> bool:
        """Whether what holds a permitted path looks like a share that is not mounted."""

    def store(self, real: str) -> Store | None:
        """Return what reaches a path that `allowed` gave; None for those of this machine."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """A user before the configured roots."""

    user: str
    """OMERO login name."""
    groups: Collection[str]
    """Names of the OMERO groups that the user is a member of."""
    roots: Mapping[str, Root]
    only_roots: Collection[str] | None = None
    """Names of roots that an API token is bound to; `*` is all, None is no such bound."""
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    """Folders on other machines."""
    connections: Connections | None = None
    """What reaches these. Without it nothing is asked of them: links are not resolved."""
    mounts: Mounts = NO_MOUNTS
    """Where workers see what clients name otherwise."""
    here: str | None = None
    """The workstation that this machine is, if it is one with workers of its own."""

    def allowed(self, path: str) -> Permit:
        """Say below which root of this machine a path lies, as clients write it.

        Raises:
            SourceNotAllowed: below none that is this user's.
            SourceError: it lies elsewhere, or nobody knows where.
        """
        permit = self.judge(path)
        if permit.station != self.here:
            raise SourceElsewhere(_where(permit.station), which=path)
        return permit

    def judge(self, path: str) -> Permit:
        """Say below which root of any machine a path lies, as clients write it.

        Raises:
            SourceNotAllowed: below none that is this user's.
            SourceError: nobody knows where it lies.
        """
        if is_remote(path):
            return self._judge_uri(path)
        if ".." in PurePath(path).parts:
            raise SourceNotAllowed("A path may not go up with '..'.", which=path)
        try:
            seen = self.mounts.seen(Source.parse(path))
        except SourceSyntax as wrong:
            raise wrong.about(path) from wrong
        return self._below(seen.path, [seen.station] if seen.by_rule else self._stations, path)

    def _judge_uri(self, path: str) -> Permit:
        """Judge what is fetched, unless a rule says that the workers have it mounted."""
        try:
            # What people are shown of it is decoded: to be read, it is written as a URI again.
            seen = self.mounts.seen(Source.parse(Place.parse(path).url))
        except (ValueError, SourceSyntax, SourceUnmapped):
            real, remote = self._afar.allowed(path)
            return Permit(real_path=real, root=remote)
        return self._below(seen.path, [seen.station], path)

    def check_real(self, real_path: str, which: str) -> None:
        """See that a path with its links resolved is still that, and still lies below a root of this user.

        Raises:
            SourceNotAllowed: it does not.
            SourceMissing: it leads elsewhere.
        """
        if is_remote(real_path):
            real, _ = self._afar.allowed(real_path)
        else:
            real = self._below(real_path, [self.here], which).real_path
        if real != real_path:
            raise SourceMissing("The path leads elsewhere now: a folder was replaced by a link.", which=which)

    @cached_property
    def _stations(self) -> list[str | None]:
        """Where a path may lie that no rule maps: with the workstation that says it, with everyone, or elsewhere."""
        named = {root.station for root in self.roots.values()} - {None, self.mounts.workstation}
        return [self.mounts.workstation, *([None] if self.mounts.workstation else []), *sorted(map(str, named))]

    def _below(self, path: str, stations: Sequence[str | None], which: str) -> Permit:
        """Find the deepest root that holds a path, on whatever machine; of several, on the first in order."""
        holding = [
            (folder, name, station, real)
            for station in stations
            for real in (self._real(path, station),)
            for name, root in self.roots.items()
            if root.station == station
            for folder in self._folder(name)
            if is_at_or_below(real, folder)
        ]
        deepest = max((len(folder) for folder, *_ in holding), default=0)
        found = [each for each in holding if len(each[0]) == deepest]
        for _, name, station, real in found:
            if station == found[0][2] and self._may_use(name):
                return Permit(real_path=real, root=name, station=station)
        raise SourceNotAllowed(which=which)

    def _real(self, path: str, station: str | None) -> str:
        """Resolve links, where this machine has what is meant."""
        return os.path.realpath(path) if station == self.here else posixpath.normpath(path)

    def is_away(self, permit: Permit) -> bool:
        """Whether the root of a permitted path looks like a share that is not mounted: not there, or empty."""
        if is_remote(permit.real_path):
            return False
        return not any(_holds_something(folder) for folder in self._folder(permit.root))

    def store(self, real: str) -> Store | None:
        """Return what reaches a path that `allowed` gave; None for those of this machine."""
        return self._afar.store(real) if is_remote(real) else None

    @property
    def _afar(self) -> Afar:
        return Afar(self.user, self.remotes, self._may_use_remote, self.connections)

    def _may_use_remote(self, name: str) -> bool:
        remote = self.remotes[name]
        return self._is_bound_to(name) and (
            remote.everyone or remote.is_personal or self.user in remote.users or bool(remote.groups & set(self.groups))
        )

    def _is_bound_to(self, name: str) -> bool:
        return self.only_roots is None or bool({name, EVERY_ROOT} & set(self.only_roots))

    def _folder(self, name: str) -> tuple[str, ...]:
        """Return where a root lies; resolved once, since it is asked for each file, but not before it is there."""
        if (known := self._resolved.get(name)) is not None:
            return known
        root = self.roots[name]
        here = root.station == self.here
        folders = _folder_of(root, self.user) if here else _named_folder(root, self.user)
        if here and not all(map(os.path.isdir, folders)):
            return folders
        self._resolved[name] = folders
        return folders

    @cached_property
    def _resolved(self) -> dict[str, tuple[str, ...]]:
        return {}

    def _may_use(self, name: str) -> bool:
        if not self._is_bound_to(name):
            return False
        root = self.roots[name]
        personal = "{user}" in str(root.path) and not (root.users or root.groups)
        return root.everyone or personal or self.user in root.users or bool(root.groups & set(self.groups))


def check_after(roots: Mapping[str, Root], user: str, path: str, what: Literal["move", "delete"]) -> None:
    """Check that a root lets its files be moved or deleted once they were imported.

    The deepest root that holds the path decides, whoever may import from it; of several there, each has to allow it.

    Args:
        roots: those configured.
        user: OMERO login name that it was imported for.
        path: with all links resolved.
        what: is to be done.

    Raises:
        SourceNotAllowed: it may not be done, or the path lies below no root.
    """
    holding = [
        (len(folder), name)
        for name, root in roots.items()
        for folder in _folder_of(root, user)
        if is_at_or_below(path, folder)
    ]
    deepest = [name for depth, name in holding if depth == max(holding)[0]]
    forbidding = [name for name in deepest if what not in roots[name].after]
    if forbidding or not deepest:
        why = f"by the root {', '.join(forbidding)}" if deepest else "since it lies below no root"
        raise SourceNotAllowed(
            f"It may not be {what}d: not allowed {why}.",
            which=path,
            advice=f"The operator can allow it with `{what}` in `after` of that root.",
        )


def folder_holding(roots: Mapping[str, Root], user: str, path: str) -> str | None:
    """Return the folder of the deepest root that holds a path, with all links resolved; None where none does."""
    holding = [folder for root in roots.values() for folder in _folder_of(root, user) if is_at_or_below(path, folder)]
    return max(holding, key=len, default=None)


def _folder_of(root: Root, user: str) -> tuple[str, ...]:
    """Return where a root really lies for this user; nothing where the login name would make it another place."""
    return tuple(map(os.path.realpath, _named_folder(root, user)))


def _named_folder(root: Root, user: str) -> tuple[str, ...]:
    path = str(root.path)
    if "{user}" in path and (user in {"", ".", ".."} or "/" in user or "\0" in user):
        return ()
    return (path.replace("{user}", user),)


def _where(station: str | None) -> str:
    if station is None:
        return "It does not lie on this workstation, whose worker took the import."
    return f"It lies on the workstation {station}, whose own worker alone can import it."


def _holds_something(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
