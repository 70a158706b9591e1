"""Who is calling: reads the Authorization header, and says what a proven caller may see."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from api.omero_access import Proof
from api.problems import Problem
from api.runs import Message, Run
from flows.core.errors import SealBroken
from flows.core.http_settings import ApiToken
from flows.core.seal import SessionHandle, unseal
from flows.core.settings import Settings

EVERY = "*"
BELIEVED = timedelta(hours=12)
"""How long after a login its user is believed while OMERO cannot be asked."""
_SESSION_KEY = re.compile(r"[0-9A-Za-z-]{1,255}")

bearer = HTTPBearer(
    auto_error=False,
    description="The token from POST /v1/sessions, an OMERO session key, or an API token.",
)
Header = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True)
class SessionCredential:
    """Somebody's OMERO session, not yet proved."""

    key: SecretStr
    server: str | None
    """Where it was sealed with one."""
    carried: SecretStr | None = None
    """A second one, for imports to live in."""
    user: str | None = None
    """Who logged in here not long ago: believed while OMERO cannot be asked. None: nobody can tell."""


@dataclass(frozen=True)
class TokenCredential:
    """A machine's key, found in the settings."""

    name: str
    token: ApiToken


Credential = SessionCredential | TokenCredential


def read_credential(header: HTTPAuthorizationCredentials | None, settings: Settings) -> Credential:
    """Tell a handle, an API token and an OMERO session key apart.

    Raises:
        Problem: there is none, or it can be none of them.
    """
    if header is None:
        raise Problem(
            401,
            "not-authenticated",
            "Say who you are with the header Authorization: Bearer <token>.",
            advice="POST /v1/sessions gives a token for your OMERO user and password.",
        )
    text = header.credentials
    digest = hashlib.sha256(text.encode()).hexdigest()
    for name, token in settings.http.tokens.items():
        if token.sha256 == digest:
            return TokenCredential(name, token)
    try:
        handle = unseal(text, SessionHandle, settings.seal_keys)
    except SealBroken as broken:
        if _SESSION_KEY.fullmatch(text):
            return SessionCredential(SecretStr(text), None)
        raise Problem.of(broken) from broken
    recent = handle.made is not None and datetime.now(UTC) - handle.made < BELIEVED
    return SessionCredential(handle.key, handle.server, handle.carried, handle.user if recent else None)


class Purpose(Enum):
    """What a caller is about to do, and so how surely it must be known who they are."""

    READ = "read"
    """A proof of a moment ago will do; while OMERO is away, that they logged in here not long ago."""
    STOP = "stop"
    """A proof; while OMERO is away, that they logged in here not long ago."""
    ACT = "act"
    """A proof."""


@dataclass(frozen=True)
class Caller:
    """Somebody who is proved, and what they may see and stop."""

    who: str
    """For the audit trail: `user:alice` or `token:microscope-3`."""
    servers: frozenset[str]
    users: frozenset[str] | None
    """OMERO login names; None is everybody."""

    @property
    def name(self) -> str:
        """For people: `alice`, or `the token microscope-3`."""
        kind, _, name = self.who.partition(":")
        return name if kind == "user" else f"the {kind} {name}"

    def may_see(self, run: Run | Message) -> bool:
        """Whether this run is one of theirs."""
        concerned = {run.server} | (run.servers if isinstance(run, Message) else frozenset())
        return not concerned.isdisjoint(self.servers) and (self.users is None or run.user in self.users)

    def whose(self, user: str | None) -> frozenset[str] | None:
        """Return the users that they look at, all who they may see or one of them; None is everybody."""
        return self.users if user is None else frozenset({user}) & (self.users or {user})

    @property
    def only_server(self) -> str:
        """The one OMERO server that they ask about.

        Raises:
            Problem: there are several.
        """
        if len(self.servers) != 1:
            raise Problem(422, "server-needed", f"query.server: name one of {', '.join(sorted(self.servers))}.")
        return next(iter(self.servers))

    def at(self, server: str) -> "Caller":
        """The same caller, asking about one server."""
        return replace(self, servers=self.servers & {server})

    @classmethod
    def by_token(cls, credential: TokenCredential, settings: Settings) -> "Caller":
        """Return the machine that holds this key."""
        token = credential.token
        return cls(
            who=f"token:{credential.name}",
            servers=frozenset(settings.servers) if EVERY in token.servers else token.servers,
            users=None if EVERY in token.users else token.users,
        )

    @classmethod
    def by_proof(cls, proof: Proof, server: str) -> "Caller":
        """Return the person whose session it is."""
        return cls(
            who=f"user:{proof.user}",
            servers=frozenset({server}),
            users=None if proof.is_admin else frozenset({proof.user}),
        )


def choose_server(settings: Settings, credential: Credential | None, asked: str | None, field: str) -> str:
    """Return the OMERO server that is meant; `field` is where it can be named.

    Raises:
        Problem: it is unknown, not the caller's, or there are several and none is named.
    """
    bound = credential.server if isinstance(credential, SessionCredential) else None
    name = asked or bound or (next(iter(settings.servers)) if len(settings.servers) == 1 else None)
    known = ", ".join(settings.servers)
    if name is None:
        raise Problem(422, "server-needed", f"{field}: name one of the OMERO servers: {known}.")
    if name not in settings.servers:
        raise Problem(422, "unknown-server", f"{field}: {name!r} is none of the OMERO servers: {known}.")
    if bound not in (None, name):
        raise Problem(403, "other-server", f"{field}: you are logged in to {bound}, not to {name}.")
    if isinstance(credential, TokenCredential) and not {name, EVERY} & credential.token.servers:
        raise Problem(403, "other-server", f"{field}: this token may not use {name}.")
    return name
