"""Where the names that a bulk file holds lead: from the folder of the file that was named, as OMERO does; pure."""

import posixpath
import re
from dataclasses import replace

from flows.core.errors import SourceSyntax
from flows.core.sources import Kind, Source

_WHOLE = re.compile(r"/|\\\\|[A-Za-z][A-Za-z0-9+.-]*:[\\/]")
"""What paths and URIs begin with that need no folder."""


def folder_of(path: str) -> str:
    """Return the folder of a file, as clients write it.

    Raises:
        SourceSyntax: it is no path of a file.
    """
    return posixpath.dirname(Source.parse(path).client_path)


def whole(name: str, folder: str | None) -> str:
    """Return the whole path of what is named from a folder on; what is a whole path already stays as it is.

    OMERO's users write `..` in `include` and in lists: it is followed by name, as if no folder were a link, and never
    above where the folder's path begins. Whoever opens the path judges where it leads.

    Raises:
        SourceSyntax: it is no path, or there is no folder to begin at. It is not repeated in the error.
    """
    if not name.strip():
        raise SourceSyntax("It is empty.")
    if _WHOLE.match(name):
        plain = name.startswith("/") and not name.startswith("//")
        source = Source.parse(posixpath.normpath(name) if plain else name)
        return name if source.kind is Kind.REMOTE else source.client_path
    if folder is None:
        raise SourceSyntax("It is no whole path, and no `folder` says where it begins.")
    base = Source.parse(folder)
    below = name if base.kind is Kind.POSIX else name.replace("\\", "/")
    parts = posixpath.normpath("/".join(("", *base.parts, below))).split("/")
    source = replace(base, parts=tuple(part for part in parts if part))
    found = source.uri if source.kind is Kind.REMOTE else source.client_path
    Source.parse(found)
    return found
