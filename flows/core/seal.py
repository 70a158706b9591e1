"""Seals OMERO sessions so that only the courier can open them; says nothing about where they are kept."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr, SerializationInfo, field_serializer

from flows.core.errors import SealBroken
from flows.core.names import SESSION
from flows.core.requests import Frozen

_OPENLY = "openly"
CARRIED = "courier-session-"
"""How the names of the Prefect Variables begin that hold sealed sessions."""
TO_END = "courier-end-session-"
"""How the names of those begin that hold sealed sessions which are to be ended."""


class SealedSession(Frozen):
    """An OMERO session, whose it is and where."""

    server: str
    """Our name for the OMERO server."""
    user: str
    key: SecretStr
    """OMERO's session key."""

    @field_serializer("*", when_used="json")
    def _key(self, value: object, info: SerializationInfo) -> object:
        if not isinstance(value, SecretStr):
            return value
        return value.get_secret_value() if info.context == _OPENLY else str(value)


class SessionHandle(SealedSession):
    """What a caller holds after a login: their session, which they cannot look into."""

    carried: SecretStr | None = None
    """The key of a second session, for imports where no service account can make one: a log-out leaves it open."""
    made: datetime | None = None
    """When its user logged in."""


class CarriedSession(SealedSession):
    """What waits with an import where no service account can make a session for it."""


class SessionToEnd(SealedSession):
    """The session of a client that leaves it to the courier to end it, once all imports that came with it are over."""


S = TypeVar("S", bound=SealedSession)


def seal(session: SealedSession, keys: Sequence[SecretStr]) -> str:
    """Seal a session with the first of `keys`: URL-safe text, about 400 characters."""
    content = {"kind": type(session).__name__, "session": session.model_dump(mode="json", context=_OPENLY)}
    return _box(keys).encrypt(json.dumps(content).encode()).decode()


def unseal(sealed: str, kind: type[S], keys: Sequence[SecretStr]) -> S:
    """Open what `seal` made of a session of this kind with any of `keys`.

    Raises:
        SealBroken: it was altered, sealed with another key, or for another purpose.
    """
    try:
        content = json.loads(_box(keys).decrypt(sealed.encode("utf-8", "surrogatepass")))
    except InvalidToken:
        raise SealBroken from None
    if content["kind"] != kind.__name__:
        raise SealBroken("This was sealed for another purpose.")
    return kind.model_validate(content["session"])


def reseal(sealed: str, keys: Sequence[SecretStr]) -> str:
    """Seal again, with the first of `keys`, what an older one sealed; return the same text where that is not needed.

    Raises:
        SealBroken: none of the keys opens it.
    """
    token = sealed.encode("utf-8", "surrogatepass")
    try:
        _box(keys[:1]).decrypt(token)
    except InvalidToken:
        try:
            return _box(keys).rotate(token).decode()
        except InvalidToken:
            raise SealBroken from None
    return sealed


def carried_session_name(idempotency_key: str) -> str:
    """Name the Prefect Variable that holds the sealed session of the run with this idempotency key."""
    return f"{CARRIED}{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}"


def session_to_end_name(tag: str) -> str:
    """Name the Prefect Variable that holds the session to be ended once no run with this tag is under way."""
    return f"{TO_END}{tag.removeprefix(SESSION)}"


def _box(keys: Sequence[SecretStr]) -> MultiFernet:
    return MultiFernet([Fernet(key.get_secret_value()) for key in keys])
