"""Decides whether a request may become an import: for whom, in which group, from which folders, into which target."""

from dataclasses import dataclass

from pydantic import SecretStr

from api.callers import EVERY, Credential, SessionCredential, TokenCredential, choose_server
from api.door import Look, look_at
from api.models import NewImport
from api.omero_access import Proof, Wish, by_id
from api.planning import plan_at_the_door
from api.problems import Problem
from api.services import Services
from flows.core.errors import LoginRefused, RequestError, SourceNotAllowed
from flows.core.metadata.plan import Plan
from flows.core.mounts import Mounts, check_workstation, workstation_at
from flows.core.omero_client import check_wanted
from flows.core.requests import Importer, Target, parse_target
from flows.core.settings import OmeroServer, Settings
from flows.core.verify import Access
from flows.core.wishes import check_after_import, check_placement


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Who asks, and for whom."""

    who: str
    """As the audit trail names the caller."""
    owner: Proof
    """Whom the images will belong to."""
    only_roots: frozenset[str] | None = None
    """What an API token is bound to."""
    carried: SecretStr | None = None
    """A session of the caller's, where no service account can make one."""
    carried_is_own: bool = False
    """It is the very one that they called with: their log-out ends it."""


@dataclass(frozen=True)
class Ground:
    """On which a request stands, before it is looked at what it asks for."""

    server: str
    standing: Standing
    access: Access
    workstation: str | None
    """Whose names the sources are."""


@dataclass(frozen=True)
class Grant:
    """What a request was found to be allowed."""

    server: str
    standing: Standing
    access: Access
    look: Look
    workstation: str | None = None
    """Whose names the sources are."""
    plan: Plan | None = None
    """What would be said of each fileset and where it would go; None where the worker looks first."""


async def admit(neighbours: Services, credential: Credential, body: NewImport, address: str) -> Grant:
    """Judge a request before anything is made of it; `address` is where it came from.

    Raises:
        Problem: it may not, or cannot, be carried out.
        CourierError: OMERO says no, or nothing at all.
    """
    ground = await stand(neighbours, credential, body, address)
    settings, access = neighbours.settings, ground.access
    look = await neighbours.blocking(
        lambda: look_at(body.sources, access, settings.verification), away="The file system"
    )
    _check_after_import(body, access, settings.servers[ground.server])
    planned = await neighbours.blocking(
        lambda: plan_at_the_door(body, access, settings.metadata, look.expansion, complete=look.complete),
        away="The file system",
    )
    return Grant(ground.server, ground.standing, access, look, ground.workstation, planned)


async def stand(neighbours: Services, credential: Credential, body: NewImport, address: str) -> Ground:
    """Prove who asks, and find which folders are theirs; the sources are not looked at.

    Raises:
        Problem: they may not ask for this.
        CourierError: OMERO says no, or nothing at all.
    """
    settings = neighbours.settings
    server = choose_server(settings, credential, body.server, "body.server")
    _check_placement(body, settings.servers[server], server)
    if isinstance(credential, TokenCredential):
        standing = await _of_token(neighbours, credential, body, server)
    else:
        standing = await _of_session(neighbours, credential, body, server)
    if body.importer is Importer.JAVA:
        check_wanted(settings.java)
    owner, workstation = standing.owner, _workstation(settings, credential, body.workstation, address)
    access = Access(
        user=owner.user,
        groups=owner.groups,
        roots=settings.roots,
        only_roots=standing.only_roots,
        remotes=settings.remotes,  # and no connections: the worker asks those hosts, the API does not
        mounts=Mounts.of(settings.mounts, workstation),
        here=settings.station,
    )
    return Ground(server, standing, access, workstation)


def _workstation(settings: Settings, credential: Credential, asked: str | None, address: str) -> str | None:
    """Say whose names the sources of a request are: it opens nothing, since roots are judged afterwards.

    Raises:
        Problem: the token speaks for another one, or there is none of that name.
    """
    bound = credential.token.workstation if isinstance(credential, TokenCredential) else None
    if bound is not None and asked not in (None, bound):
        raise Problem(403, "other-workstation", f"body.workstation: this token speaks for the workstation {bound}.")
    try:
        check_workstation(settings, asked)
    except RequestError as unknown:
        raise Problem(422, "unknown-workstation", f"body.workstation: {unknown.what}", advice=unknown.advice) from None
    return bound or asked or workstation_at(settings, address)


async def _of_token(neighbours: Services, credential: TokenCredential, body: NewImport, server: str) -> Standing:
    token, settings = credential.token, neighbours.settings
    if settings.servers[server].service_account is None:
        raise Problem(
            403,
            "session-needed",
            f"The courier has no service account at {server}, so it imports there only with a user's own session.",
            advice="Log in with POST /v1/sessions.",
        )
    user = body.on_behalf_of or (next(iter(token.users)) if len(token.users) == 1 else EVERY)
    if user == EVERY:
        raise Problem(422, "user-needed", "body.on_behalf_of: this token acts for several users; name one of them.")
    if not {user, EVERY} & token.users:
        raise Problem(403, "other-user", f"body.on_behalf_of: this token may not act for {user}.")
    wish = _wish(body)
    owner = Proof(user=user, group=None, groups=frozenset(), is_admin=False)
    # OMERO is asked only where the answer counts: a machine that submits often is not held up.
    if wish.group or by_id(wish.target) or _count_groups(settings):
        owner = await _visit_as(neighbours, server, user, wish)
    return Standing(who=f"token:{credential.name}", owner=owner, only_roots=token.roots)


def _count_groups(settings: Settings) -> bool:
    """Whether it matters in which groups a user is."""
    return any(root.groups for root in settings.roots.values()) or any(
        remote.groups for remote in settings.remotes.values()
    )


async def _of_session(neighbours: Services, credential: SessionCredential, body: NewImport, server: str) -> Standing:
    at, wish, key = neighbours.settings.servers[server], _wish(body), credential.key
    carried = None
    if at.service_account is None and credential.carried is None:
        carried, wish = key, wish.model_copy(update=_kept(neighbours))
    elif at.service_account is None:
        carried = await session_to_carry(neighbours, credential, server)
    if body.on_behalf_of is None:
        caller = owner = await _visit(neighbours, server, key, wish)
    else:
        caller = await _visit(neighbours, server, key, Wish())
        if body.on_behalf_of == caller.user:
            owner = await _visit(neighbours, server, key, wish)
        else:
            _check_may_act_for(caller, body.on_behalf_of, at, server)
            owner = await _visit_as(neighbours, server, body.on_behalf_of, wish)
    return Standing(who=f"user:{caller.user}", owner=owner, carried=carried, carried_is_own=carried is key)


async def session_to_carry(neighbours: Services, credential: SessionCredential, server: str) -> SecretStr:
    """Return the key of the session that imports of this caller live in, which may idle for long from now on.

    Raises:
        CourierError: the session has ended, or OMERO does not answer.
    """
    carried = credential.carried or credential.key
    await _visit(neighbours, server, carried, Wish(**_kept(neighbours)))
    return carried


def _kept(neighbours: Services) -> dict[str, float]:
    return {"keep_hours": neighbours.settings.http.session_idle_hours}


def _check_may_act_for(caller: Proof, user: str, at: OmeroServer, server: str) -> None:
    if not caller.may_sudo:
        raise Problem(
            403,
            "other-user",
            f"body.on_behalf_of: {caller.user} may not import for {user}.",
            advice="OMERO administrators with the Sudo privilege may, and API tokens bound to that user.",
        )
    if at.service_account is None:
        raise Problem(
            403,
            "session-needed",
            f"body.on_behalf_of: the courier has no service account at {server}, so each user imports for themselves.",
        )


async def _visit(neighbours: Services, server: str, key: SecretStr, wish: Wish) -> Proof:
    return await neighbours.blocking(lambda: neighbours.omero.visit(server, key, wish), away=f"OMERO {server}")


async def _visit_as(neighbours: Services, server: str, user: str, wish: Wish) -> Proof:
    try:
        return await neighbours.blocking(lambda: neighbours.omero.visit_as(server, user, wish), away=f"OMERO {server}")
    except LoginRefused as refused:
        raise Problem(422, "unknown-user", f"body.on_behalf_of: {refused.what}", advice=refused.advice) from refused


def _check_after_import(body: NewImport, access: Access, at: OmeroServer) -> None:
    try:
        check_after_import(body, access, at)
    except SourceNotAllowed as refused:
        raise Problem(
            403, refused.code, f"body.after_import: {refused.which}: {refused.what}", advice=refused.advice
        ) from refused
    except RequestError as refused:
        raise Problem(422, refused.code, f"body.after_import: {refused.what}", advice=refused.advice) from refused


def _check_placement(body: NewImport, at: OmeroServer, server: str) -> None:
    try:
        check_placement(body, server, at)
    except RequestError as refused:
        raise Problem(422, refused.code, f"body.placement: {refused.what}", advice=refused.advice) from refused


def _wish(body: NewImport) -> Wish:
    target = parse_target(body.target) if body.target else None
    # Where a rule by folders leads is known with the files only.
    return Wish(group=body.group, target=target if isinstance(target, Target) else None)
