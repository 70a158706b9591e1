"""What Smuggler's clients call a file: a `file:` URI, or a path as their own machine writes it. Pure; asks no disk."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""Two letters at least: one alone is a drive."""
_HERE = frozenset({"", "localhost", "127.0.0.1"})
_PLAIN = "/:!$&'()*+,;=@~"
"""What stays as it is in the path of a URI (RFC 3986)."""


class Place(NamedTuple):
    """A file or folder that is to be imported."""

    source: str
    """As the courier's own interface names it."""
    uri: str
    """Absolute: what Smuggler answers with."""


def read_place(text: str) -> Place:
    """Read a `targetUri`. A path is taken as it is; only in a URI does `%20` stand for a blank.

    Raises:
        ValueError: it is neither an absolute path nor a URI.
    """
    text = text.rstrip("\r\n")
    if _WINDOWS.match(text):
        return Place(text, _file_uri("", "/" + text.replace("\\", "/")))
    if text.startswith("\\\\"):
        host, _, path = text[2:].replace("\\", "/").partition("/")
        return Place(text, _file_uri(host, f"/{path}"))
    if text.startswith("/"):
        return Place(text, _file_uri("", text))
    if not _URI.match(text):
        raise ValueError("give an absolute path, or a URI such as file:///data/alice/cells.tif")
    return _read_uri(text)


def _read_uri(text: str) -> Place:
    scheme, host, path, query, fragment = urlsplit(text)
    if scheme != "file":
        return Place(text, text)
    if query or fragment:
        raise ValueError("write ? as %3F and # as %23 in a URI")
    if host.lower() not in _HERE:
        return Place(text, text)
    try:
        named = unquote(path, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("what stands behind % is no UTF-8") from None
    if not named.startswith("/"):
        raise ValueError("give an absolute path, as in file:///data/alice/cells.tif")
    return Place(named[1:] if _WINDOWS.match(named[1:]) else named, text)


def _file_uri(host: str, path: str) -> str:
    return f"file://{quote(host)}{quote(path, safe=_PLAIN)}"


def lies_in(path: str, source: str) -> bool:
    """Whether a file is what a source names, or in the folder that it names, however slashes are written."""
    one, whole = _plain(path), _plain(source)
    return one == whole or one.startswith(f"{whole.rstrip('/')}/")


def _plain(path: str) -> str:
    if _WINDOWS.match(path) or path.startswith("\\\\"):
        return path.replace("\\", "/").casefold().rstrip("/")
    return path.rstrip("/") or "/"
