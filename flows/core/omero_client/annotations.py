"""Annotations: what the user wants said of the images, our marks on filesets, and where each image came from."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from omero.model import (
    CommentAnnotationI,
    ImageAnnotationLinkI,
    ImageI,
    MapAnnotationI,
    NamedValue,
    TagAnnotationI,
)
from omero.rtypes import rstring, unwrap
from pydantic import Field

from flows.core.errors import TargetNotFound
from flows.core.omero_client.holdings import batches, comments_on
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.tags import ensure_tags
from flows.core.requests import OUR_NAMESPACES, Fileset, Frozen, Placement, TextAnnotation

RUN = f"{OUR_NAMESPACES}run/v1"
"""On a fileset: a comment with the run's id and the fileset's key."""
FINGERPRINT = f"{OUR_NAMESPACES}fingerprint/v1"
"""On a fileset: a comment with a hash over path, size and time of each file."""
PROVENANCE = f"{OUR_NAMESPACES}provenance/v1"
"""On each image: a map of where it came from."""
TRANSFER = "openmicroscopy.org/omero/import/fileTransfer"
"""On a fileset, as OMERO's own importer writes it: a comment with the class that placed its files
(omero-blitz: NSFILETRANSFER, ImportContainer.fillData)."""
TRANSFERS = {
    Placement.LN_S: "ome.formats.importer.transfers.SymlinkFileTransfer",
    Placement.LN: "ome.formats.importer.transfers.HardlinkFileTransfer",
    Placement.CP: "ome.formats.importer.transfers.CopyFileTransfer",
}
CLIENT_MAP = "openmicroscopy.org/omero/client/mapAnnotation"
"""Key-value pairs that OMERO's clients let people edit."""
MADE = f"{OUR_NAMESPACES}made/v1"
"""On a container that is made anew for each import: a map with the import, by which a later attempt finds it."""
FILES_NAMED = 20
"""Files of a fileset that its provenance names; the others are counted."""

_REMOTE = re.compile(r"([a-z][a-z0-9+.-]+);/([^/]+)/(.*)", re.DOTALL)
"""A path on another machine, `sftp://host:22/data`, as repositories take it: `sftp;/host;22/data`."""


class ImportDetails(Frozen):
    """What is to be said of the images of a fileset."""

    name: str | None = None
    description: str | None = None
    key_values: Mapping[str, str] = Field(default_factory=dict)
    namespace: str = CLIENT_MAP
    """Of the key-value pairs."""
    tags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    text_annotations: tuple[TextAnnotation, ...] = ()
    annotation_ids: tuple[int, ...] = ()


def annotations_for(session: OmeroSession, details: ImportDetails) -> list[Any]:
    """Return the annotations that the import links to each image, in the transaction that makes the images.

    Raises:
        TargetNotFound: one of the given ids is no annotation that this user sees.
    """
    found = [comment(each) for each in details.comments]
    found += [comment(each.text, each.namespace) for each in details.text_annotations]
    if details.key_values:
        found.append(key_values(details.namespace, list(details.key_values.items())))
    found += [TagAnnotationI(each, False) for each in ensure_tags(session, details.tags)]
    return found + existing(session, details.annotation_ids)


def marks_for(fileset: Fileset, run_key: str, nonce: str, placement: Placement = Placement.UPLOAD) -> list[Any]:
    """Return what a fileset carries from the transaction on that creates it, before its first byte.

    The nonce tells it from what another attempt makes under the same key.
    """
    run = comment(run_key, RUN)
    run.description = rstring(nonce)
    placed = [comment(TRANSFERS[placement], TRANSFER)] if placement in TRANSFERS else []
    return [run, comment(fingerprint(fileset), FINGERPRINT), *placed]


def fingerprint(fileset: Fileset) -> str:
    """Hash path, size and time of each file: cheap to ask, and the same when nothing was touched.

    Of a file that its server tells no time of, what it calls this state of it.
    """
    lines = "".join(f"{file.client_path}\0{file.size}\0{file.mtime_ns or file.version}\n" for file in fileset.files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def record_provenance(
    session: OmeroSession, fileset_id: int, run_key: str, images: Sequence[int], *, also: Sequence[Any] = ()
) -> None:
    """Say on each image of a fileset where it came from: `record_provenances`, for one."""
    record_provenances(session, {fileset_id: (run_key, images)}, also={fileset_id: also})


def record_provenances(
    session: OmeroSession,
    filesets: Mapping[int, tuple[str, Sequence[int]]],
    *,
    also: Mapping[int, Sequence[Any]] | None = None,
) -> None:
    """Say on each image of filesets where it came from; an image on which it stands is left alone.

    What `also` is to be linked to them is linked in the same transaction: where the one stands, so does the other.

    Everything is taken from OMERO itself, so that a later attempt can make good what an earlier one left out.

    Args:
        session: of the user.
        filesets: by id, the key of its run, and its images.
        also: further annotations of each, by the fileset's id.
    """
    missing = set(without_provenance(session, [image for _, images in filesets.values() for image in images]))
    lacking = {fileset: key for fileset, (key, images) in filesets.items() if missing & set(images)}
    if not lacking:
        return
    said = _provenances(session, lacking)
    links = [
        _link(image, each)
        for fileset, pairs in said.items()
        for annotation in [key_values(PROVENANCE, pairs)]
        for image in sorted(missing & set(filesets[fileset][1]))
        for each in (annotation, *(also or {}).get(fileset, ()))
    ]
    session.update.saveArray(links)


def without_provenance(session: OmeroSession, images: Sequence[int]) -> list[int]:
    """Return those images that do not say yet where they came from."""
    said = {
        image
        for some in batches(images)
        for (image,) in session.rows(
            "select l.parent.id from ImageAnnotationLink l where l.parent.id in (:images) and l.child.ns = :namespace",
            images=some,
            namespace=PROVENANCE,
        )
    }
    return sorted(set(images) - said)


def transfer_of(session: OmeroSession, fileset_id: int) -> str | None:
    """Return the name of the class that placed the files of a fileset, whoever imported it; None for an upload of ours.

    Source: omero-py, plugins/fs.py.
    """
    return _transfers(session, [fileset_id]).get(fileset_id)


def _transfers(session: OmeroSession, filesets: Collection[int]) -> dict[int, str]:
    placed = comments_on(session, filesets, TRANSFER)
    return {fileset: text.rpartition(".")[2] for fileset, text in placed.items()}


def comment(text: str, namespace: str | None = None) -> Any:
    """Return a new comment."""
    made = CommentAnnotationI()
    made.textValue = rstring(text)
    made.ns = rstring(namespace) if namespace else None
    return made


def key_values(namespace: str, pairs: Sequence[tuple[str, str]]) -> Any:
    """Return a new map annotation; keys may repeat."""
    made = MapAnnotationI()
    made.ns = rstring(namespace)
    made.mapValue = [NamedValue(key, value) for key, value in pairs]
    return made


def _provenances(session: OmeroSession, run_keys: Mapping[int, str]) -> dict[int, list[tuple[str, str]]]:
    """Return what is to be said of the images of filesets, by the filesets' ids."""
    files: defaultdict[int, list[tuple[str, int, str, str]]] = defaultdict(list)
    for some in batches(run_keys):
        for fileset, *file in session.rows(
            "select e.fileset.id, e.clientPath, o.size, o.hash, h.value from FilesetEntry e"
            " join e.originalFile o join o.hasher h where e.fileset.id in (:filesets) order by e.id",
            filesets=some,
        ):
            files[fileset].append(tuple(file))
    placed = _transfers(session, run_keys)
    return {
        fileset: [*_origin(session, run_key), *_place(placed.get(fileset)), *_named(files[fileset])]
        for fileset, run_key in run_keys.items()
    }


def _origin(session: OmeroSession, run_key: str) -> Iterator[tuple[str, str]]:
    yield "Imported with", f"omero-courier {_version()}"
    yield "Import", run_key.partition("/")[0]
    yield "Asked by", session.user
    if session.sudoer:
        yield "Through", session.sudoer
    yield "Imported at", datetime.now(UTC).isoformat(timespec="seconds")


def _place(transfer: str | None) -> Iterator[tuple[str, str]]:
    if transfer is not None:
        yield "Placed in OMERO by", transfer


def _named(files: Sequence[tuple[str, int, str, str]]) -> Iterator[tuple[str, str]]:
    for path, size, checksum, algorithm in files[:FILES_NAMED]:
        yield "Source", _shown(path)
        yield "Bytes", str(size)
        yield f"Checksum {algorithm}", checksum
    if len(files) > FILES_NAMED:
        yield "Further files", str(len(files) - FILES_NAMED)


@cache
def _version() -> str:
    """Look it up once: that reads and parses the package's metadata."""
    return version("omero-courier")


def _shown(entry: str) -> str:
    """Write a path as its user did, from what the repository made of it: that has no slash in front, and no colon."""
    found = _REMOTE.fullmatch(entry)
    return f"{found[1]}://{found[2].replace(';', ':')}/{found[3]}" if found else f"/{entry}"


def _link(image: int, annotation: Any) -> Any:
    link = ImageAnnotationLinkI()
    link.parent = ImageI(image, False)
    link.child = annotation
    return link


def existing(session: OmeroSession, ids: Sequence[int]) -> list[Any]:
    """Return annotations by their ids, to be linked.

    Raises:
        TargetNotFound: one of them is no annotation that this user sees.
    """
    if not ids:
        return []
    found = {
        unwrap(each.id): each
        for each in session.objects("select a from Annotation a where a.id in (:ids)", ids=list(ids))
    }
    if missing := [str(each) for each in ids if each not in found]:
        raise TargetNotFound(
            f"There is no annotation {', '.join(missing)} in the group {session.group}, or you cannot see it.",
            advice="Check the ids of the annotations, and the group.",
        )
    return [type(found[each])(each, False) for each in dict.fromkeys(ids)]
