"""What OMERO holds, read as any administrator's client would, and from its repository on disk."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import omero
import omero.clients
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

from deployments.sandbox.home import Running
from flows.core.omero_client.annotations import RUN

EVERY_GROUP = {"omero.group": "-1"}


@dataclass
class HeldFileset:
    """A fileset in OMERO."""

    id: int
    owner: str
    run_key: str = ""
    """The mark of the import that brought it: `<run id>/<key>`."""
    paths: list[str] = field(default_factory=list)
    """Client paths, without the leading slash."""
    sha1s: list[str] = field(default_factory=list)
    """Of the bytes on OMERO's disk; empty where there is no file."""
    images: list[int] = field(default_factory=list)

    @property
    def run(self) -> str:
        """The id of the import."""
        return self.run_key.partition("/")[0]


def holdings(running: Running) -> list[HeldFileset]:
    """Return everything that OMERO holds of anybody; what comes while it is asked, one thing after the other, not."""
    repository = running.home.omero / "ManagedRepository"
    with as_root(running) as ask:
        found = {number: HeldFileset(number, owner) for number, owner in ask(_FILESETS)}

        def known(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
            return ((found[number], *rest) for number, *rest in rows if number in found)

        for fileset, path, folder, name in known(ask(_FILES)):
            fileset.paths.append(path)
            fileset.sha1s.append(sha1_of(repository / folder.strip("/") / name))
        for fileset, image in known(ask(_IMAGES)):
            fileset.images.append(image)
        for fileset, text in known(ask(_MARKS, namespace=RUN)):
            fileset.run_key = text
    return list(found.values())


def sha1_of(path: Path) -> str:
    """Return the SHA-1 of a file's bytes, or nothing when there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def by_run(filesets: list[HeldFileset]) -> dict[str, list[HeldFileset]]:
    """Sort filesets by the import that brought them."""
    sorted_: dict[str, list[HeldFileset]] = defaultdict(list)
    for each in filesets:
        sorted_[each.run].append(each)
    return sorted_


@contextmanager
def as_root(running: Running) -> Iterator[Any]:
    """Give a function that asks OMERO for columns, in all groups."""
    client = omero.client(
        f"ssl://{running.omero_host}:{running.omero_ssl_port}", pmap={"Ice.Default.InvocationTimeout": "60000"}
    )
    try:
        services = client.createSession("root", running.logins["root"])

        def ask(query: str, **texts: str) -> list[list[Any]]:
            parameters = ParametersI()
            for name, text in texts.items():
                parameters.add(name, rstring(text))
            rows = services.getQueryService().projection(query, parameters, EVERY_GROUP)
            return [[unwrap(value) for value in row] for row in rows]

        yield ask
    finally:
        client.__del__()


_FILESETS = "select f.id, o.omeName from Fileset f join f.details.owner o order by f.id"
_FILES = (
    "select e.fileset.id, e.clientPath, o.path, o.name from FilesetEntry e join e.originalFile o"
    " order by e.fileset.id, e.id"
)
_IMAGES = "select i.fileset.id, i.id from Image i where i.fileset is not null order by i.id"
_MARKS = "select l.parent.id, c.textValue from FilesetAnnotationLink l join l.child c where c.ns = :namespace"
