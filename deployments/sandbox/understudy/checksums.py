"""OMERO's checksum algorithms, in OMERO's own hexadecimal form (little-endian for the short ones, as Guava's)."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import mmh3

BLOCK = 1 << 20


class Digest(Protocol):
    """What every algorithm offers."""

    def update(self, data: bytes, /) -> object:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """The result as OMERO writes it."""


class _Zlib:
    def __init__(self, function: Callable[[bytes, int], int], start: int) -> None:
        self._function, self._value = function, start

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(4, "little").hex()


class _Size:
    def __init__(self) -> None:
        self._size = 0

    def update(self, data: bytes, /) -> None:
        self._size += len(data)

    def hexdigest(self) -> str:
        return self._size.to_bytes(8, "little").hex()


class _Murmur:
    def __init__(self, hasher: Callable[[], mmh3.mmh3_32 | mmh3.mmh3_x64_128]) -> None:
        self._hasher = hasher()

    def update(self, data: bytes, /) -> None:
        self._hasher.update(data)

    def hexdigest(self) -> str:
        return self._hasher.digest().hex()


ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "SHA1-160": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5-128": lambda: hashlib.md5(usedforsecurity=False),
    "Murmur3-128": lambda: _Murmur(mmh3.mmh3_x64_128),
    "Murmur3-32": lambda: _Murmur(mmh3.mmh3_32),
    "CRC-32": lambda: _Zlib(zlib.crc32, 0),
    "Adler-32": lambda: _Zlib(zlib.adler32, 1),
    "File-Size-64": _Size,
}
"""In the order of OMERO's default preference (omero.checksum.supported)."""


def checksum(file: Path, algorithm: str) -> str:
    """The checksum of a whole file."""
    digest = ALGORITHMS[algorithm]()
    if algorithm == "File-Size-64":
        return file.stat().st_size.to_bytes(8, "little").hex()
    with file.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
