"""Puts files into OMERO as file annotations, each content once for a user and group, and ties them to containers.

A file is uploaded before anybody sees it: its annotation is made only once OMERO has the same checksum. What an upload
that broke off has left is used by the next one.
"""

import hashlib
import posixpath
from collections.abc import Sequence
from typing import Any

import omero
from omero.model import (
    ChecksumAlgorithmI,
    DatasetAnnotationLinkI,
    DatasetI,
    FileAnnotationI,
    OriginalFileI,
    ScreenAnnotationLinkI,
    ScreenI,
)
from omero.rtypes import rlong, rstring

from flows.core.control import Control
from flows.core.disk import told_of
from flows.core.errors import SourceChanged, UploadCorrupted
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.naming import Alone, alone_here
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.store import milliseconds_for
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import OUR_NAMESPACES, Frozen

ATTACHED = f"{OUR_NAMESPACES}attachment/v1"
"""The namespace of attachments: by it, their name and their checksum they are found again."""
CHUNK = 4 * 1024 * 1024
_HASHER = "SHA1-160"
_LINKS = {"Dataset": (DatasetAnnotationLinkI, DatasetI), "Screen": (ScreenAnnotationLinkI, ScreenI)}


class LocalFile(Frozen):
    """A file on disk that is to be attached."""

    path: str
    """Absolute, links resolved: what is opened."""
    client_path: str
    """As the user named it."""

    @property
    def name(self) -> str:
        """What it is called in OMERO."""
        return posixpath.basename(self.client_path)[:255]


def attach_file(session: OmeroSession, file: LocalFile, *, control: Control, alone: Alone = alone_here) -> int:
    """Return the id of an annotation with this very file: one that is there, or a new one.

    Args:
        session: of the user who will own it.
        file: what is attached.
        control: asked between two parts whether to go on.
        alone: keeps out others who attach the same.

    Raises:
        SourceError: the file cannot be read, or changed meanwhile.
        UploadCorrupted: OMERO has other bytes than were sent.
        OmeroError: OMERO did not do it.
    """
    digest, size = _digest(file, control)
    with speaking_to(session.server.host, doing=f"attaching {file.name}"):
        if (known := _annotation(session, file, digest, size)) is not None:
            return known
        with alone([f"{session.group_id}/{session.user_id}/File/{file.name}/{digest}"]):
            if (known := _annotation(session, file, digest, size)) is not None:
                return known
            row = _file_row(session, file, digest, size)
            _send(session, row, file, digest, control)
            return _annotate(session, row, file)


def tie_to(session: OmeroSession, target: ResolvedTarget, annotations: Sequence[int]) -> None:
    """Link annotations to a dataset or screen, each once, whoever else does so.

    Raises:
        NotPermitted: the user may not annotate it.
        OmeroError: OMERO did not do it.
    """
    if not annotations or target.id is None:
        return
    with speaking_to(session.server.host, doing=f"attaching files to {target.name}"):
        missing = _untied(session, target, annotations)
        if not missing:
            return
        try:
            session.update.saveArray([_link(target, each) for each in missing])
        except omero.ValidationException:
            # Somebody tied them meanwhile: OMERO's database takes each link of a user once.
            if _untied(session, target, missing):
                raise


def _digest(file: LocalFile, control: Control) -> tuple[str, int]:
    sha1, size = hashlib.sha1(usedforsecurity=False), 0
    with told_of(file.client_path), open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123
        while part := opened.read(CHUNK):
            control.check()
            sha1.update(part)
            size += len(part)
    return sha1.hexdigest(), size


def _annotation(session: OmeroSession, file: LocalFile, digest: str, size: int) -> int | None:
    rows = session.rows(
        "select a.id from FileAnnotation a join a.file f where a.ns = :ns and f.name = :name and f.hash = :hash"
        " and f.size = :size and a.details.owner.id = :owner and a.details.group.id = :group order by a.id",
        ns=ATTACHED,
        name=file.name,
        hash=digest,
        size=size,
        owner=session.user_id,
        group=session.group_id,
    )
    return int(rows[0][0]) if rows else None


def _file_row(session: OmeroSession, file: LocalFile, digest: str, size: int) -> int:
    """Return the file in OMERO that the bytes go into: what an upload that broke off has left, or a new one."""
    place = f"omero-courier/{digest}/"
    left = session.rows(
        "select f.id from OriginalFile f where f.path = :path and f.name = :name and f.details.owner.id = :owner"
        " and f.details.group.id = :group and not exists (select a.id from FileAnnotation a where a.file.id = f.id)"
        " order by f.id",
        path=place,
        name=file.name,
        owner=session.user_id,
        group=session.group_id,
    )
    if left:
        return int(left[0][0])
    made = OriginalFileI()
    made.name, made.path = rstring(file.name), rstring(place)
    made.size, made.mimetype = rlong(size), rstring("application/octet-stream")
    made.hasher = ChecksumAlgorithmI()
    made.hasher.value = rstring(_HASHER)
    return int(session.update.saveAndReturnObject(made).id.val)


def _send(session: OmeroSession, row: int, file: LocalFile, digest: str, control: Control) -> None:
    store = session.services.createRawFileStore()
    try:
        store.setFileId(row)
        sent = _write(store, file, control)
        store.truncate(sent)
        patient = store.ice_invocationTimeout(milliseconds_for(session.server, sent))
        saved = patient.save()
    finally:
        store.close()
    theirs = saved.hash.val if saved is not None and saved.hash is not None else _hash_of(session, row)
    if theirs == digest:
        return
    if _digest(file, control)[0] != digest:
        raise SourceChanged("It changed while it was being attached.", which=file.client_path)
    raise UploadCorrupted(which=file.client_path)


def _write(store: Any, file: LocalFile, control: Control) -> int:
    position = 0
    with told_of(file.client_path), open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123
        while part := opened.read(CHUNK):
            control.check()
            control.pace(len(part))
            store.write(part, position, len(part))
            position += len(part)
    if position == 0:
        store.write(b"", 0, 0)
    return position


def _hash_of(session: OmeroSession, row: int) -> str | None:
    rows = session.rows("select f.hash from OriginalFile f where f.id = :id", id=row)
    return rows[0][0] if rows else None


def _annotate(session: OmeroSession, row: int, file: LocalFile) -> int:
    made = FileAnnotationI()
    made.ns = rstring(ATTACHED)
    made.description = rstring(f"From {file.client_path}")
    made.file = OriginalFileI(row, False)
    return int(session.update.saveAndReturnObject(made).id.val)


def _untied(session: OmeroSession, target: ResolvedTarget, annotations: Sequence[int]) -> list[int]:
    tied = {
        annotation
        for (annotation,) in session.rows(
            f"select l.child.id from {target.kind}AnnotationLink l"  # noqa: S608
            " where l.parent.id = :target and l.child.id in (:annotations) and l.details.owner.id = :owner",
            target=int(target.id or 0),
            annotations=list(annotations),
            owner=session.user_id,
        )
    }
    return [each for each in dict.fromkeys(annotations) if each not in tied]


def _link(target: ResolvedTarget, annotation: int) -> Any:
    link_kind, kind = _LINKS[target.kind]
    link = link_kind()
    link.parent = kind(target.id, False)
    link.child = FileAnnotationI(annotation, False)
    return link
