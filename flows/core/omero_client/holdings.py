"""What OMERO holds: read-only questions about filesets, images and our marks on them."""

from typing import Literal

from flows.core.omero_client.session import OmeroSession
from flows.core.requests import ImportedImage


def images_of(session: OmeroSession, fileset_id: int) -> tuple[ImportedImage, ...]:
    """Return the images of a fileset with their sizes in pixels, in the order of their ids."""
    rows = session.rows(
        "select i.id, i.name, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT"
        " from Pixels p join p.image i where i.fileset.id = :fileset order by i.id",
        fileset=fileset_id,
    )
    names = ("id", "name", "size_x", "size_y", "size_z", "size_c", "size_t")
    return tuple(ImportedImage(**dict(zip(names, row, strict=True))) for row in rows)


def marked(session: OmeroSession, kind: Literal["Fileset", "Dataset"], namespace: str, text: str) -> list[int]:
    """Return the ids of the objects that carry a comment of exactly this text in this namespace, oldest first."""
    comments = session.rows(
        "select a.id from CommentAnnotation a where a.ns = :namespace and a.textValue = :text",
        namespace=namespace,
        text=text,
    )
    if not comments:
        return []
    links = session.rows(
        f"select l.parent.id from {kind}AnnotationLink l where l.child.id in (:comments)",  # noqa: S608  no user's text
        comments=[each for (each,) in comments],
    )
    return sorted({each for (each,) in links})
