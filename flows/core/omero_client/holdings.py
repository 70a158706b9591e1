"""What OMERO holds: read-only questions about filesets, images and our marks on them, for many at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, NamedTuple, TypeVar

import omero

from flows.core.omero_client.session import OmeroSession
from flows.core.requests import ImportedImage

BATCH = 500
"""Values in one question: PostgreSQL plans longer lists badly."""
ROWS_READ = 100
"""Images of a fileset of which pixels are read; of more, as many spread evenly."""
T = TypeVar("T")

COLUMNS = ("id", "name", "size_x", "size_y", "size_z", "size_c", "size_t")


class Holding(NamedTuple):
    """The images of one fileset."""

    images: tuple[ImportedImage, ...] = ()
    """In the order of their ids."""
    pixels: tuple[int, ...] = ()
    """The id of the pixels of each."""
    without_pixels: int = 0
    """Further images, of which OMERO knows no size."""


NOTHING = Holding()


def images_of(session: OmeroSession, fileset_id: int) -> tuple[ImportedImage, ...]:
    """Return the images of a fileset with their sizes in pixels, in the order of their ids."""
    return holdings(session, [fileset_id]).get(fileset_id, NOTHING).images


def holdings(session: OmeroSession, filesets: Collection[int]) -> dict[int, Holding]:
    """Return what is held of each of these filesets; those without any image are left out."""
    found: defaultdict[int, dict[int, tuple[ImportedImage | None, int]]] = defaultdict(dict)
    for some in batches(filesets):
        rows = session.rows(
            "select i.fileset.id, p.id, i.id, i.name, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT"
            " from Image i left outer join i.pixels p where i.fileset.id in (:filesets) order by i.id",
            filesets=some,
        )
        for fileset, pixels, *image in rows:
            known = None if pixels is None else ImportedImage(**dict(zip(COLUMNS, image, strict=True)))
            found[fileset].setdefault(image[0], (known, pixels))
    return {fileset: _holding(images.values()) for fileset, images in found.items()}


def _holding(images: Collection[tuple[ImportedImage | None, int]]) -> Holding:
    complete = [(image, pixels) for image, pixels in images if image is not None]
    return Holding(
        images=tuple(image for image, _ in complete),
        pixels=tuple(pixels for _, pixels in complete),
        without_pixels=len(images) - len(complete),
    )


def marked(session: OmeroSession, kind: Literal["Fileset", "Dataset"], namespace: str, text: str) -> list[int]:
    """Return the ids of the objects that carry a comment of exactly this text in this namespace, oldest first."""
    return all_marked(session, kind, namespace, [text]).get(text, [])


def all_marked(
    session: OmeroSession, kind: Literal["Fileset", "Dataset"], namespace: str, texts: Collection[str]
) -> dict[str, list[int]]:
    """Return, for each of these texts, the ids of the objects that `marked` would find; none is left out."""
    return carriers(session, kind, comments_of(session, namespace, texts))


def carriers(
    session: OmeroSession, kind: Literal["Fileset", "Dataset"], comments: Mapping[int, tuple[str, str | None]]
) -> dict[str, list[int]]:
    """Return, for each text of these comments, the ids of the objects that carry one of it, oldest first."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for parent, child in links_to(session, kind, comments):
        text, _ = comments[child]
        found[text].add(parent)
    return {text: sorted(ids) for text, ids in found.items()}


def comments_of(session: OmeroSession, namespace: str, texts: Collection[str]) -> dict[int, tuple[str, str | None]]:
    """Return the comments of exactly these texts in this namespace: text and description, by their ids."""
    return {
        each: (text, description)
        for some in batches(texts)
        for each, text, description in session.rows(
            "select a.id, a.textValue, a.description from CommentAnnotation a"
            " where a.ns = :namespace and a.textValue in (:texts)",
            namespace=namespace,
            texts=some,
        )
    }


def comments_on(session: OmeroSession, filesets: Collection[int], namespace: str) -> dict[int, str]:
    """Return the texts of the comments that filesets carry in a namespace, by fileset; those without are left out."""
    found: dict[int, str] = {}
    for some in batches(filesets):
        links = session.rows(
            "select l.child.id, l.parent.id from FilesetAnnotationLink l"
            " where l.parent.id in (:filesets) and l.child.ns = :namespace",
            filesets=some,
            namespace=namespace,
        )
        if links:
            comments = [comment for comment, _ in links]
            texts = dict(
                session.rows("select a.id, a.textValue from CommentAnnotation a where a.id in (:ids)", ids=comments)
            )
            found |= {fileset: texts[comment] for comment, fileset in links}
    return found


def links_to(
    session: OmeroSession, kind: Literal["Fileset", "Dataset"], annotations: Iterable[int]
) -> list[tuple[int, int]]:
    """Return the ids of objects and of the annotations that they carry, of these annotations."""
    return [
        (parent, child)
        for some in batches(list(annotations))
        for parent, child in session.rows(
            f"select l.parent.id, l.child.id from {kind}AnnotationLink l where l.child.id in (:some)",  # noqa: S608
            some=some,
        )
    ]


def uploaded(session: OmeroSession, filesets: Collection[int]) -> set[int]:
    """Return those of these filesets whose upload OMERO has checked and taken (omero-blitz: ManagedImportProcessI)."""
    return {
        fileset
        for some in batches(filesets)
        for (fileset,) in session.rows(
            "select l.parent.id from FilesetJobLink l join l.child j"
            " where l.parent.id in (:filesets) and j.status.value = 'Finished'",
            filesets=some,
        )
    }


def plates_of(session: OmeroSession, images: Sequence[int]) -> list[int]:
    """Return the ids of the plates that images are fields of."""
    return sorted(
        {
            plate
            for some in batches(images)
            for (plate,) in session.rows(
                "select s.well.plate.id from WellSample s where s.image.id in (:images)", images=some
            )
        }
    )


@contextmanager
def pixels_store(session: OmeroSession) -> Iterator[Any]:
    """Have OMERO's RawPixelsStore, for one image after the other."""
    store = session.services.createRawPixelsStore()
    try:
        yield store
    finally:
        store.close()


def unreadable(session: OmeroSession, holding: Holding, store: Any = None) -> str | None:
    """Say why images are not complete, or None when they are: what "read back" means.

    OMERO must know the sizes of each image, and must read the first row of its first plane and the last row of its
    last one from the file that it holds (of a hundred images, spread evenly, where there are more). An import that
    was stopped after it had saved its images leaves some that it cannot read (omero-blitz:
    ManagedImportRequestI.pixelData), and one that failed there since the file is cut short some that it cannot read
    to their end.

    Args:
        session: of the user.
        holding: what is held of the fileset.
        store: of `pixels_store`, where several filesets are looked at; no further use once an image was not readable.

    Raises:
        Ice.Exception: OMERO is away, busy, or has ended the session: nothing is known.
    """
    if holding.without_pixels or not holding.images:
        return f"{holding.without_pixels} images are without pixels" if holding.images else "there is no image"
    with nullcontext(store) if store is not None else pixels_store(session) as reader:
        return _why_unreadable(reader, holding)


def _why_unreadable(store: Any, holding: Holding) -> str | None:
    try:
        for image, pixels in _spread(list(zip(holding.images, holding.pixels, strict=True))):
            if not _both_ends(store, image, pixels):
                return f"image {image.id} has no pixels"
    except (omero.SessionException, omero.ConcurrencyException):
        raise
    except omero.ServerError as refused:
        return str(refused.message)
    return None


def _both_ends(store: Any, image: ImportedImage, pixels: int) -> bool:
    last = (image.size_y - 1, image.size_z - 1, image.size_c - 1, image.size_t - 1)
    try:
        store.setPixelsId(pixels, True)
        return bool(store.getRow(0, 0, 0, 0)) and bool(store.getRow(*last))
    except omero.MissingPyramidException:
        # Very large planes are cut into tiles first, by another process of OMERO: it could open the file, then.
        return True


def _spread(items: Sequence[T]) -> Sequence[T]:
    if len(items) <= ROWS_READ:
        return items
    return [items[number * (len(items) - 1) // (ROWS_READ - 1)] for number in range(ROWS_READ)]


def batches(items: Collection[T]) -> Iterator[list[T]]:
    """Cut what is asked for into questions of bearable length."""
    every = list(items)
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))
