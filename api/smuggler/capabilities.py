"""Ids that nobody can guess: whoever holds one may look at what it names, and nothing needs to be kept for that.

An id holds which run, and which of its sources, and a code over both that only the courier can make (HMAC-SHA-256 with
a key derived from the sealing keys, cut to 128 bits). A new sealing key leaves older ids good; taking an old key
away ends those made with it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr

IMPORT = b"import"
MAIL = b"mail"
_NUMBER = 2
_CODE = 16
_LENGTH = 16 + _NUMBER + _CODE


class Named(NamedTuple):
    """What an id stands for."""

    run: UUID
    number: int
    """Which of the run's sources; 0 for a message."""


def make_id(kind: bytes, named: Named, keys: Sequence[SecretStr]) -> str:
    """Write an id: 46 characters that a path in a URI may hold."""
    content = named.run.bytes + named.number.to_bytes(_NUMBER, "big")
    return base64.urlsafe_b64encode(content + _code(kind, content, keys[0])).decode().rstrip("=")


def read_id(kind: bytes, text: str, keys: Sequence[SecretStr]) -> Named | None:
    """Return what an id stands for; None for one that was not made here."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    content, code = raw[:-_CODE], raw[-_CODE:]
    if len(raw) != _LENGTH or not any(hmac.compare_digest(code, _code(kind, content, key)) for key in keys):
        return None
    return Named(UUID(bytes=content[:16]), int.from_bytes(content[16:], "big"))


def _code(kind: bytes, content: bytes, key: SecretStr) -> bytes:
    own = hmac.digest(key.get_secret_value().encode(), b"omero-courier smuggler id", hashlib.sha256)
    return hmac.digest(own, kind + b"\0" + content, hashlib.sha256)[:_CODE]
