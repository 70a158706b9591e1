"""Finds, and where asked makes, the dataset or screen that images go into.

Differs from OMERO's own command line on purpose: `Project:.../Dataset:name:X` means the X within that project
(the command line takes any X of the group and links it there), and what is given by id must be in the project.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from omero.model import DatasetI, ProjectDatasetLinkI, ProjectI, ScreenI
from omero.rtypes import rstring

from flows.core.errors import NotPermitted, TargetNotFound
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import Frozen, ProjectPrefix, Target

Kind = Literal["Project", "Dataset", "Screen"]
_NEW: dict[Kind, Any] = {"Project": ProjectI, "Dataset": DatasetI, "Screen": ScreenI}
_locks: defaultdict[tuple[str, int, int, str], threading.Lock] = defaultdict(threading.Lock)
_guard = threading.Lock()


class ResolvedTarget(Frozen):
    """A dataset or screen of OMERO, or one that would be made."""

    kind: Literal["Dataset", "Screen"]
    id: int | None
    """None while it is yet to be made."""
    name: str
    project_id: int | None = None
    to_make: tuple[str, ...] = ()
    """What does not exist yet, for people, for example `Project Mitosis`."""


def resolve_target(session: OmeroSession, target: Target, *, make: bool) -> ResolvedTarget:
    """Look a target up among what this user may add to, in the session's group.

    Args:
        session: of the user who will own the images.
        target: as asked for.
        make: create what is missing by name; else only say so. Made once, also when several threads ask at a time.

    Raises:
        TargetNotFound: there is none of that id, or several of a name that must be the only one.
        NotPermitted: the user may not add to what the id names.
    """
    server = session.server
    with _guard:
        lock = _locks[server.host, server.port, session.group_id, str(target)]
    with lock, speaking_to(server.host, doing=f"looking up {target}"):
        project = _project(session, target.project) if target.project else None
        missing = []
        if target.project and project is None:
            missing.append(f"Project {target.project.name}")
            project = _make(session, "Project", target.project.name) if make else None
        found = _container(session, target, project)
        if found is None:
            missing.append(f"{target.kind} {target.name}")
            found = _make(session, target.kind, target.name, project) if make else None
    return ResolvedTarget(
        kind=target.kind,
        id=found.id if found else None,
        name=found.name if found else str(target.name),
        project_id=project.id if project else None,
        to_make=() if make else tuple(missing),
    )


class _Found(NamedTuple):
    id: int
    name: str


def _project(session: OmeroSession, prefix: ProjectPrefix) -> _Found | None:
    return _chosen(session, "Project", _asked(session, "from Project o", prefix), prefix)


def _container(session: OmeroSession, target: Target, project: _Found | None) -> _Found | None:
    if target.project and project is None:
        # Its project would be new, so nothing can be in it.
        if target.id is not None:
            raise _not_found(session, target.kind, target)
        return None
    if project is None:
        return _chosen(session, target.kind, _asked(session, f"from {target.kind} o", target), target)
    within = "from Dataset o join o.projectLinks l"
    return _chosen(session, "Dataset", _asked(session, within, target, project=project.id), target)


def _asked(session: OmeroSession, source: str, asked: Target | ProjectPrefix, **project: int) -> list[Any]:
    """Return what has that id or name, oldest first."""
    key = asked.id if asked.id is not None else str(asked.name)
    where = f"where o.{'name' if asked.id is None else 'id'} = :key" + (
        " and l.parent.id = :project" if project else ""
    )
    return session.objects(f"select o {source} {where} order by o.id", key=key, **project)


def _chosen(session: OmeroSession, kind: Kind, found: Sequence[Any], asked: Target | ProjectPrefix) -> _Found | None:
    """Choose among those of one id or name as OMERO's command line does (omero-blitz: ModelImportTarget)."""
    usable = [_Found(each.id.val, each.name.val) for each in found if each.details.permissions.canLink()]
    if asked.id is not None:
        if found and not usable:
            raise NotPermitted(f"{session.user} may not add to {kind} {asked.id} ({found[0].name.val}).")
        if not found:
            raise _not_found(session, kind, asked)
        return usable[0]
    if asked.pick == "@" or not usable:
        return None
    if asked.pick == "%" and len(usable) > 1:
        raise TargetNotFound(
            f"{len(usable)} {kind.lower()}s in the group {session.group} are called {asked.name!r}.",
            advice="Name the one you mean by its id.",
        )
    return usable[0 if asked.pick == "-" else -1]


def _not_found(session: OmeroSession, kind: Kind, asked: Target | ProjectPrefix) -> TargetNotFound:
    within = " in that project" if isinstance(asked, Target) and asked.project else ""
    return TargetNotFound(
        f"There is no {kind} {asked.id}{within} in the group {session.group}, or {session.user} cannot see it."
    )


def _make(session: OmeroSession, kind: Kind, name: str | None, project: _Found | None = None) -> _Found:
    made = _NEW[kind]()
    made.name = rstring(name)
    if project is None:
        return _Found(session.update.saveAndReturnObject(made).id.val, str(name))
    link = ProjectDatasetLinkI()
    link.parent = ProjectI(project.id, False)
    link.child = made
    # One transaction: never a dataset without its project.
    return _Found(session.update.saveAndReturnObject(link).child.id.val, str(name))
