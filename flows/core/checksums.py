"""OMERO's seven checksum algorithms, streaming, in the hexadecimal form that OMERO compares.

A hash here is what `hashlib` would give: `update(bytes)` as often as wanted, then `hexdigest()`.
"""

import hashlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol, get_args

import mmh3
from typing_extensions import Buffer

from flows.core.settings import Checksum


class Hash(Protocol):
    """A checksum that is being computed."""

    def update(self, data: Buffer, /) -> None:
        """Take further bytes in."""

    def hexdigest(self) -> str:
        """The checksum of all bytes so far, as OMERO writes it."""


class _Running:
    """A 32-bit checksum of zlib. OMERO writes its bytes from the least significant one on (Guava: HashCode)."""

    def __init__(self, function: Callable[[Buffer, int], int], start: int) -> None:
        self._function = function
        self._value = start

    def update(self, data: Buffer, /) -> None:
        self._value = self._function(data, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(4, "little").hex()


class _Size:
    """The number of bytes, written as a little-endian 64-bit number."""

    def __init__(self) -> None:
        self._size = 0

    def update(self, data: Buffer, /) -> None:
        self._size += memoryview(data).nbytes

    def hexdigest(self) -> str:
        return self._size.to_bytes(8, "little").hex()


class _Murmur:
    """A Murmur3 hash; its library knows digests as bytes only."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._hash = make()

    def update(self, data: Buffer, /) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return str(self._hash.digest().hex())


def _sha1() -> Hash:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Hash:
    return hashlib.md5(usedforsecurity=False)


_MAKERS: dict[Checksum, Callable[[], Hash]] = {
    "SHA1-160": _sha1,
    "MD5-128": _md5,
    "Murmur3-128": lambda: _Murmur(mmh3.mmh3_x64_128),
    "Murmur3-32": lambda: _Murmur(mmh3.mmh3_32),
    "CRC-32": lambda: _Running(zlib.crc32, 0),
    "Adler-32": lambda: _Running(zlib.adler32, 1),
    "File-Size-64": _Size,
}

ALGORITHMS: tuple[Checksum, ...] = get_args(Checksum)
"""By the names of OMERO's enumeration `ChecksumAlgorithm`."""


def new_hash(algorithm: Checksum) -> Hash:
    """Begin a checksum (source of the forms: omero-common, ome.util.checksum)."""
    return _MAKERS[algorithm]()
