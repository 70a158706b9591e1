"""What Smuggler's clients call a file: a `file:` URI, or a path as their own machine writes it. Pure; asks no disk."""

from typing import NamedTuple
from urllib.parse import quote

from flows.core.errors import SourceSyntax
from flows.core.sources import Kind, Source, checked

_PLAIN = "/:!$&'()*+,;=@~"
"""What stays as it is in the path of a URI (RFC 3986)."""
_BEFORE = {Kind.POSIX: "file://", Kind.DRIVE: "file:///", Kind.SHARE: "file:"}


class Place(NamedTuple):
    """A file or folder that is to be imported."""

    source: str
    """As the courier's own interface names it: the same for the same place."""
    uri: str
    """Absolute: what Smuggler answers with."""
    host: str
    """The machine that it lies on, where the client named one."""


def read_place(text: str) -> Place:
    """Read a `targetUri`. A path is taken as it is; only in a URI does `%20` stand for a blank.

    Raises:
        ValueError: it is neither an absolute path nor a URI.
    """
    plain = checked(text)
    source = Source.parse(plain)
    if source.kind not in _BEFORE:
        return Place(plain, plain, source.host.lower())
    named = source.client_path
    is_uri = plain[:5].lower() == "file:"
    uri = plain if is_uri else f"{_BEFORE[source.kind]}{quote(named, safe=_PLAIN)}"
    return Place(named, uri, source.host.lower())


def lies_in(path: str, source: str) -> bool:
    """Whether a file is what a source names, or in the folder that it names, as far as names tell."""
    try:
        return Source.parse(source).holds(Source.parse(path))
    except SourceSyntax:
        return path == source
