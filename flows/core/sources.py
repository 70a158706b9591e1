r"""Reads what clients call a file or folder: paths of any system, and URIs; asks no disk and no network.

| what they write | kind | `client_path`: what OMERO keeps, and people are shown |
|---|---|---|
| `/data/x.lif`, `file:///data/x.lif` | posix | `/data/x.lif` |
| `C:\Data\x.lif`, `c:/Data/x.lif`, `file:///C:/Data/x.lif` | drive | `C:/Data/x.lif` |
| `\\nas\data\x.lif`, `//nas/data/x.lif`, `file:////nas/data/x.lif` | share | `//nas/data/x.lif` |
| `file://nas/data/x.lif` | host | `//nas/data/x.lif` |
| `sftp://host:2222/data/x%20y.lif`, `s3://bucket/x.lif` | remote | `sftp://host:2222/data/x y.lif` |

(RFC 3986: URIs; RFC 8089 and its appendix E: file URIs; Microsoft, Naming Files, Paths, and Namespaces)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote_to_bytes

from flows.core.errors import SourceSyntax

_DRIVE = re.compile(r"([A-Za-z]):(?=[\\/]|$)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)")
_AUTHORITY = re.compile(r"(?P<host>[\w.~-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_HOST = re.compile(r"[\w.~-]+")
_NEVER_IN_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]')
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Kind(StrEnum):
    """Whose way of naming it is."""

    POSIX = "posix"
    """An absolute path of Linux or a Mac."""
    DRIVE = "drive"
    """A path on a drive of Windows."""
    SHARE = "share"
    """A path on a share, as Windows writes it."""
    HOST = "host"
    """A path on a host, as a file URI writes it. It is shown as a share is."""
    REMOTE = "remote"
    """What is fetched through a protocol."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file or folder, as a client named it, taken apart."""

    kind: Kind
    parts: tuple[str, ...]
    """The names on the way to it, decoded; none of them is empty, `.` or `..`, or has a separator in it."""
    drive: str = ""
    """Its letter, upper-case, of a drive."""
    host: str = ""
    """As it was written, of a share, a host, or what is remote: there it may be the name of a bucket."""
    scheme: str = ""
    """Of what is remote, lower-case, for example `sftp`."""
    port: int | None = None
    """Of what is remote, where one was named."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a client wrote.

        Raises:
            SourceSyntax: it names no file or folder that could be found, or holds what may be a secret. It is not
                repeated in the error.
        """
        if "\0" in text:
            raise SourceSyntax("There is a NUL character in it.")
        if text.startswith("\\\\"):
            return cls._unc(text)
        if text.startswith("/"):
            if text.startswith("//") and not text.startswith("///"):
                return cls._share(re.split(r"[\\/]", text[2:]))
            return cls(kind=Kind.POSIX, parts=_parts(text.split("/")))
        if found := _DRIVE.match(text):
            return cls._on_drive(found[1], re.split(r"[\\/]", text[2:]))
        if found := _SCHEME.match(text):
            return cls._uri(found[1].lower(), text[found.end() :])
        raise SourceSyntax("It is no absolute path.")

    @classmethod
    def _unc(cls, text: str) -> Self:
        names = re.split(r"[\\/]", text[2:])
        if names[0] == "?" and len(names) > 1:  # of paths that are longer than 260 characters
            if names[1].upper() == "UNC":
                return cls._share(names[2:])
            if re.fullmatch("[A-Za-z]:", names[1]):
                return cls._on_drive(names[1][0], names[2:])
        return cls._share(names)

    @classmethod
    def _share(cls, names: list[str]) -> Self:
        if not _HOST.fullmatch(names[0]) or not names[0].strip("."):
            raise SourceSyntax("Its share has no host of a name that there can be.")
        return cls(kind=Kind.SHARE, host=names[0], parts=_windows_parts(names[1:]))

    @classmethod
    def _on_drive(cls, letter: str, names: list[str]) -> Self:
        return cls(kind=Kind.DRIVE, drive=letter.upper(), parts=_windows_parts(names))

    @classmethod
    def _uri(cls, scheme: str, rest: str) -> Self:
        authority, path = "", rest
        if rest.startswith("//"):
            authority, slash, path = rest[2:].partition("/")
            path = slash + path
        if "@" in authority:
            raise SourceSyntax(
                "There is a user or a password in the URI, which would be stored and shown.",
                advice="Leave it out: the operator sets the credentials of each host.",
            )
        if found := re.search(r"[?#]", rest):
            raise SourceSyntax(
                f"There is a {found[0]} in the URI: what follows it may be a secret, or is no part of a file's name.",
                advice="Leave it out. In a name it is written as %3F for ?, and %23 for #.",
            )
        return cls._file_uri(authority, path) if scheme == "file" else cls._remote(scheme, authority, path)

    @classmethod
    def _file_uri(cls, authority: str, path: str) -> Self:
        if _DRIVE.match(authority):  # file://C:/Data: one slash too few, but there is only one meaning
            authority, path = "", f"/{authority}{path}"
        if found := re.match(r"/([A-Za-z])[:|](?=[\\/]|$)", path) if authority in ("", "localhost") else None:
            return cls._on_drive(found[1], _decoded(re.split(r"[\\/]", path[found.end() :])))
        if authority in ("", "localhost"):
            if path.startswith("//") and path.strip("/"):
                return cls._share(_decoded(path.lstrip("/").split("/")))
            return cls(kind=Kind.POSIX, parts=_parts(_decoded(path.split("/"))))
        if not _HOST.fullmatch(authority):
            raise SourceSyntax("Its URI has no host of a name that there can be, or has a port.")
        return cls(kind=Kind.HOST, host=authority, parts=_plain_parts(_decoded(path.split("/"))))

    @classmethod
    def _remote(cls, scheme: str, authority: str, path: str) -> Self:
        found = _AUTHORITY.fullmatch(authority)
        port = int(found["port"]) if found and found["port"] else None
        if found is None or not (port is None or 0 < port < 2**16):
            raise SourceSyntax("Its URI has no host, or no port, that there can be.")
        names = path.removesuffix("/").split("/")[1:]
        if "" in names:
            raise SourceSyntax("There are two slashes side by side in the path of the URI.")
        return cls(kind=Kind.REMOTE, scheme=scheme, host=found["host"], port=port, parts=_plain_parts(_decoded(names)))

    @property
    def anchor(self) -> str:
        """What its path begins with: `/`, `C:/`, `//nas/`, `sftp://host:2222/`."""
        match self.kind:
            case Kind.POSIX:
                return "/"
            case Kind.DRIVE:
                return f"{self.drive}:/"
            case Kind.SHARE | Kind.HOST:
                return f"//{self.host}/"
            case Kind.REMOTE:
                return f"{self.scheme}://{self.authority}/"

    @property
    def authority(self) -> str:
        """The host, with its port where one was named."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def client_path(self) -> str:
        """The path for people, messages and OMERO: with slashes, nothing encoded, no slash at the end.

        Of all kinds but the remote one it can be read again, and `posixpath` takes it apart as it does any path.
        """
        return self.anchor + "/".join(self.parts) if self.parts else self.anchor.rstrip("/") or "/"

    @property
    def uri(self) -> str:
        """What is remote, written as a URI again: encoded where it has to be."""
        return self.anchor + "/".join(quote(part, safe=" !$&'()*+,;=:@~") for part in self.parts).replace(" ", "%20")

    @property
    def name(self) -> str:
        """What people call it: its last name, or where it begins."""
        return self.parts[-1] if self.parts else self.client_path

    def holds(self, other: "Source") -> bool:
        """Whether another one is this one, or lies below it, as far as names tell."""
        return self.root == other.root and self._folded(self.parts) == self._folded(other.parts[: len(self.parts)])

    def is_called_like(self, other: "Source") -> bool:
        """Whether there may be names that both would hold equally well."""
        mine, theirs = (tuple(map(_upper, each.parts)) for each in (self, other))
        return (self.root, mine) == (other.root, theirs)

    @property
    def root(self) -> tuple[str, ...]:
        """What it begins with, the same for all ways to write it: a share is a path on a host."""
        if self.kind in (Kind.SHARE, Kind.HOST):
            return ("host", self.host.lower())
        # A bucket is no host, and may differ from another by its capitals.
        host = self.host if self.scheme == "s3" else self.host.lower()
        return (self.kind, self.drive, self.scheme, host, str(self.port or ""))

    def _folded(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_upper, parts)) if self.is_windows else parts

    @property
    def is_windows(self) -> bool:
        """Whether capitals make no difference in it."""
        return self.kind in (Kind.DRIVE, Kind.SHARE)


def _upper(name: str) -> str:
    """Write in capitals as Windows does: letter by letter, none becomes two."""
    return "".join(capital if len(capital := letter.upper()) == 1 else letter for letter in name)


def checked(text: str) -> str:
    """Return what a client wrote, without what is no part of it, if it can be read.

    Raises:
        ValueError: it cannot, and why; what was written is not repeated.
    """
    # Return, pressed in a form's field, is no part of a path; nor are the quotes of Windows' "Copy as path".
    bare = text.rstrip("\r\n")
    if len(bare) > 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    try:
        Source.parse(bare)
    except SourceSyntax as refused:
        raise ValueError(f"{refused.what} {refused.advice}") from None
    return bare


def client_path(text: str) -> str:
    """Return how the source that a client wrote is shown, and called in OMERO.

    Raises:
        SourceSyntax: it cannot be read.
    """
    return Source.parse(text).client_path


def _parts(names: Iterable[str]) -> tuple[str, ...]:
    parts = tuple(name for name in names if name not in ("", "."))
    if ".." in parts:
        raise SourceSyntax("A path may not go up with '..'.", advice="Write the path that is meant.")
    return parts


def _windows_parts(names: Iterable[str]) -> tuple[str, ...]:
    parts = _parts(names)
    for part in parts:
        if _NEVER_IN_WINDOWS.search(part) or "/" in part or "\\" in part:
            raise SourceSyntax("There is a character in it that no name in Windows has.")
        if not part.strip(". "):
            raise SourceSyntax("A path may not go up with '..', nor be made of dots.")
    return parts


def _plain_parts(names: Iterable[str]) -> tuple[str, ...]:
    parts = _parts(names)
    if any("\\" in part for part in parts):
        raise SourceSyntax("There is a backslash in the URI.", advice="Write it with slashes.")
    return parts


def _decoded(names: Iterable[str]) -> list[str]:
    """Decode the names of a URI, each for itself."""
    decoded = []
    for name in names:
        if _BAD_PERCENT.search(name):
            raise SourceSyntax("There is a % in the URI with no two digits behind it.", advice="Write % as %25.")
        try:
            plain = unquote_to_bytes(name).decode()
        except UnicodeDecodeError:
            raise SourceSyntax("What is encoded in the URI is no UTF-8.") from None
        if "/" in plain or "\0" in plain:
            raise SourceSyntax("There is a slash or a NUL character encoded in the URI, which no name has.")
        decoded.append(plain)
    return decoded


def is_at_or_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies in it, by whole names."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
