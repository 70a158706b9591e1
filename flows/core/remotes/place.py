"""Writes and reads paths on other machines: a URI in which nothing is encoded, `sftp://host:2222/data/x y.lif`.

That is how they are compared, shown and kept in OMERO; it holds no user, no password and no query.
"""

import posixpath
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

_WRITTEN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<authority>[^/]*)(?P<path>(?:/.*)?)", re.DOTALL)
_PLAIN = "/!$&'()*+,;=:@~-._"
"""What may stand in the path of a URI as it is (RFC 3986, 3.3)."""
_USUAL_PORTS = {"sftp": 22, "http": 80, "https": 443, "ftp": 21}


@dataclass(frozen=True)
class Place:
    """A file or folder on another machine."""

    scheme: str
    authority: str
    """The host, with its port where that is not the usual one; or the bucket."""
    path: str
    """Begins with a slash, and ends with none unless it is nothing else."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it.

        Raises:
            ValueError: it is not written so. It is not repeated in the error.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None or "@" in found["authority"]:
            raise ValueError("it is no address of the form scheme://host/path")
        scheme, authority = found["scheme"], found["authority"]
        if scheme != "s3":  # capitals of a host mean nothing
            authority = authority.lower()
        if scheme in _USUAL_PORTS:
            authority = authority.removesuffix(f":{_USUAL_PORTS[scheme]}")
        return cls(scheme, authority, posixpath.normpath(f"/{found['path'].lstrip('/')}"))

    def __str__(self) -> str:
        """Write it."""
        return f"{self.scheme}://{self.authority}{'' if self.path == '/' else self.path}"

    @property
    def host(self) -> str:
        """The host without its port."""
        return self.authority.rpartition(":")[0] if self._has_port else self.authority

    @property
    def port(self) -> int | None:
        """Its port, where that is not the usual one."""
        return int(self.authority.rpartition(":")[2]) if self._has_port else None

    @property
    def _has_port(self) -> bool:
        return re.search(r":[0-9]+$", self.authority) is not None and not self.authority.endswith("]")

    def at(self, path: str) -> Self:
        """Return another path of the same host."""
        return type(self)(self.scheme, self.authority, path)

    def is_beside(self, other: "Place") -> bool:
        """Say whether both are of one host, spoken to in one way."""
        return (self.scheme, self.authority) == (other.scheme, other.authority)

    def holds(self, other: "Place") -> bool:
        """Say whether another is this one, or below it."""
        inside = other.path == self.path or other.path.startswith(self.path.rstrip("/") + "/")
        return self.is_beside(other) and inside

    @property
    def url(self) -> str:
        """The same as HTTP wants it: with all encoded that has to be."""
        return f"{self.scheme}://{self.authority}{quote(self.path, safe=_PLAIN)}"


def is_remote(path: str) -> bool:
    """Say whether a path leads to another machine; cheap, since it is asked of each file."""
    return not path.startswith("/") and _WRITTEN.fullmatch(path) is not None


def normal(path: str) -> str:
    """Return a path without `..` and `.` in it, as `posixpath.normpath` does; the two slashes of a URI stay.

    Also of a URI each host is written in one way.
    """
    return str(Place.parse(path)) if is_remote(path) else posixpath.normpath(path)
