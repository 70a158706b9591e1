"""Finds, and where asked makes, the dataset or screen that images go into.

Differs from OMERO's own command line on purpose: `Project:.../Dataset:name:X` means the X within that project
(the command line takes any X of the group and links it there), and what is given by id must be in the project.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from omero.model import DatasetI, ProjectDatasetLinkI, ProjectI, ScreenI
from omero.rtypes import rstring

from flows.core.errors import NotPermitted, TargetNotFound
from flows.core.omero_client.annotations import MADE, key_values
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.naming import Alone, alone_here
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import Frozen, ProjectPrefix, Target

Kind = Literal["Project", "Dataset", "Screen"]
_NEW: dict[Kind, Any] = {"Project": ProjectI, "Dataset": DatasetI, "Screen": ScreenI}


class ResolvedTarget(Frozen):
    """A dataset or screen of OMERO, or one that would be made."""

    kind: Literal["Dataset", "Screen"]
    id: int | None
    """None while it is yet to be made."""
    name: str
    project_id: int | None = None
    to_make: tuple[str, ...] = ()
    """What does not exist yet, for people, for example `Project Mitosis`."""


def resolve_target(
    session: OmeroSession, target: Target, *, make: bool, alone: Alone = alone_here, mark: str = ""
) -> ResolvedTarget:
    """Look a target up among what this user may add to, in the session's group.

    Args:
        session: of the user who will own the images.
        target: as asked for.
        make: create what is missing by name; else only say so. Made once, whoever else asks for it at that time.
        alone: keeps out those others.
        mark: whose target it is, for example a run: what is always to be made anew is made once for each.

    Raises:
        TargetNotFound: there is none of that id, or several of a name that must be the only one.
        NotPermitted: the user may not add to what the id names.
    """
    search = _Search(session, target, mark)
    with speaking_to(session.server.host, doing=f"looking up {target}"):
        found = search.run(make=False)
        if make and found.to_make:
            with alone(_names(session, target)):
                found = search.run(make=True)
    return found


def _names(session: OmeroSession, target: Target) -> list[str]:
    """Name what others must not make meanwhile: the project as well, which they may want for another dataset."""
    parts: list[tuple[str, Target | ProjectPrefix]] = [(target.kind, target)]
    if target.project:
        parts.append(("Project", target.project))
    return [f"{session.group_id}/{kind}/{part.name}" for kind, part in parts if part.name is not None]


class _Search:
    """One look-up of a target."""

    def __init__(self, session: OmeroSession, target: Target, mark: str) -> None:
        self._session, self._target, self._mark = session, target, mark

    def run(self, *, make: bool) -> ResolvedTarget:
        target = self._target
        missing = []
        project = self._chosen("Project", target.project) if target.project else None
        if target.project and project is None:
            missing.append(f"Project {target.project.name}")
            project = self._make("Project", target.project) if make else None
        found = self._container(project)
        if found is None:
            missing.append(f"{target.kind} {target.name}")
            found = self._make(target.kind, target, project) if make else None
        return ResolvedTarget(
            kind=target.kind,
            id=found.id if found else None,
            name=found.name if found else str(target.name),
            project_id=project.id if project else None,
            to_make=() if make else tuple(missing),
        )

    def _container(self, project: "_Found | None") -> "_Found | None":
        target = self._target
        if target.project and project is None:
            # Its project would be new, so nothing can be in it.
            if target.id is not None:
                raise _not_found(self._session, target.kind, target)
            return None
        return self._chosen(target.kind, target, project)

    def _chosen(self, kind: Kind, asked: Target | ProjectPrefix, project: "_Found | None" = None) -> "_Found | None":
        if asked.id is None and asked.pick == "@":
            return self._made_before(kind, asked, project)
        source = "from Dataset o join o.projectLinks l" if project else f"from {kind} o"
        within = {"project": project.id} if project else {}
        return _chosen(self._session, kind, _asked(self._session, source, asked, **within), asked)

    def _made_before(self, kind: Kind, asked: Target | ProjectPrefix, project: "_Found | None") -> "_Found | None":
        """Return what an earlier attempt made for the same, where it was to be a new one."""
        if not self._mark:
            return None
        rows = self._session.rows(
            f"select l.parent.id, l.parent.name from {kind}AnnotationLink l"  # noqa: S608
            " where l.child.ns = :ns and l.child.description = :mark and l.parent.name = :name order by l.parent.id",
            ns=MADE,
            mark=self._mark_of(project),
            name=str(asked.name),
        )
        return _Found(*rows[0]) if rows else None

    def _mark_of(self, project: "_Found | None") -> str:
        return f"{self._mark}/{project.id}" if project else self._mark

    def _make(self, kind: Kind, asked: Target | ProjectPrefix, project: "_Found | None" = None) -> "_Found":
        session, name = self._session, str(asked.name)
        made = _NEW[kind]()
        made.name = rstring(name)
        if asked.pick == "@" and self._mark:
            annotation = key_values(MADE, [("Made by import", self._mark)])
            annotation.description = rstring(self._mark_of(project))
            made.linkAnnotation(annotation)
        if project is None:
            return _Found(session.update.saveAndReturnObject(made).id.val, name)
        link = ProjectDatasetLinkI()
        link.parent = ProjectI(project.id, False)
        link.child = made
        # One transaction: never a dataset without its project.
        return _Found(session.update.saveAndReturnObject(link).child.id.val, name)


class _Found(NamedTuple):
    id: int
    name: str


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
    if not usable:
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
