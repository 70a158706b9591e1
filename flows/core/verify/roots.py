"""Says which configured root a path lies below and whether this user may import from there; reads no file's content.

Links are resolved first and the result is judged. What lies outside is refused in the same words whether it exists
or not. Of several roots that hold a path, the deepest decides: a folder opened to everyone does not open the folders
below it that another root gives to somebody.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, Protocol

from flows.core.errors import SourceNotAllowed
from flows.core.remotes import Connections, Remote, Store, is_remote
from flows.core.requests import Frozen
from flows.core.settings import Root
from flows.core.verify.afar import Afar

EVERY_ROOT = "*"


class Permit(Frozen):
    """A path that this user may import from."""

    real_path: str
    """With all links resolved: what is opened."""
    root: str
    """The name of the root that it lies below."""


class Gate(Protocol):
    """Says of each path whether it may be imported from."""

    def allowed(self, path: str) -> Permit:
        """Return where a path really leads; raises SourceNotAllowed where nothing may be imported from."""

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

    def allowed(self, path: str) -> Permit:
        """Say below which root a path lies.

        Raises:
            SourceNotAllowed: below none that is this user's.
            SourceError: it is on another machine, which does not answer, for example.
        """
        if is_remote(path):
            real, remote = self._afar.allowed(path)
            return Permit(real_path=real, root=remote)
        if ".." in PurePath(path).parts:
            raise SourceNotAllowed("A path may not go up with '..'.", which=path)
        real = os.path.realpath(path)
        holding = [(folder, name) for name in self.roots for folder in self._folder(name) if _holds(folder, real)]
        deepest = max((len(folder) for folder, _ in holding), default=0)
        for folder, name in holding:
            if len(folder) == deepest and self._may_use(name):
                return Permit(real_path=real, root=name)
        raise SourceNotAllowed(which=path)

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
        return _folder_of(self.roots[name], self.user)

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
        (len(folder), name) for name, root in roots.items() for folder in _folder_of(root, user) if _holds(folder, path)
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


def _folder_of(root: Root, user: str) -> tuple[str, ...]:
    """Return where a root lies for this user; nothing where the login name would make it another place."""
    path = str(root.path)
    if "{user}" in path and (user in {"", ".", ".."} or "/" in user or "\0" in user):
        return ()
    return (os.path.realpath(path.replace("{user}", user)),)


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _holds_something(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
