"""Reads back what OMERO says that it has imported, many filesets at a time, and says where the images came from."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flows.core.errors import CourierError, OmeroFault
from flows.core.omero_client.annotations import record_provenances
from flows.core.omero_client.faults import means_lost, speaking_to
from flows.core.omero_client.holdings import NOTHING, Holding, holdings, pixels_store, plates_of, unreadable
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import ImportedFileset


class Brought(NamedTuple):
    """A fileset whose import is said to be done."""

    fileset_id: int
    run_key: str
    """`<run id>/<fileset key>`."""
    name: str
    """Of its first file."""
    promised: int
    """How many images there are said to be."""
    target: ResolvedTarget | None
    plate: bool
    """It is one by what we know of its files."""


def read_back_all(session: OmeroSession, brought: Sequence[Brought]) -> dict[str, ImportedFileset | CourierError]:
    """Return filesets as OMERO holds them, their images counted and read; see that these say where they came from.

    OMERO is asked about all of them at once, and where that fails about each by itself: none suffers from another.

    Returns:
        By run key, each fileset or why it does not count: `OmeroFault` where OMERO does not hold what it promised.
    """
    try:
        with speaking_to(session.server.host, doing="reading the images back"):
            return dict(_read_back(session, brought))
    except CourierError as error:
        if means_lost(error) or len(brought) < 2:
            return {each.run_key: error for each in brought}
    return {key: told for each in brought for key, told in read_back_all(session, [each]).items()}


def _read_back(session: OmeroSession, brought: Sequence[Brought]) -> dict[str, ImportedFileset]:
    found = holdings(session, [each.fileset_id for each in brought])
    with pixels_store(session) as store:
        held = {each: sound(session, found.get(each.fileset_id, NOTHING), each.promised, store) for each in brought}
    images = {each: [image.id for image in held[each].images] for each in brought}
    record_provenances(session, {each.fileset_id: (each.run_key, images[each]) for each in brought})
    return {each.run_key: _told(session, each, held[each]) for each in brought}


def _told(session: OmeroSession, brought: Brought, held: Holding) -> ImportedFileset:
    target = brought.target
    may_be_plate = brought.plate or (target is not None and target.kind == "Screen")
    plates = plates_of(session, [image.id for image in held.images]) if may_be_plate else []
    return ImportedFileset(
        key=brought.run_key.rpartition("/")[2],
        name=brought.name,
        fileset_id=brought.fileset_id,
        images=held.images,
        plates=tuple(plates),
        target_kind=None if target is None else target.kind,
        target_id=None if target is None else target.id,
    )


def read_back(session: OmeroSession, fileset_id: int, *, promised: int | None) -> Holding:
    """Return what OMERO holds of a fileset whose import is said to be done, its images counted and read.

    Args:
        session: of the user.
        fileset_id: of the fileset.
        promised: how many images there are said to be, where that was said.

    Raises:
        OmeroFault: there is none, or another number of them, or one that OMERO cannot read.
    """
    return sound(session, holdings(session, [fileset_id]).get(fileset_id, NOTHING), promised)


def sound(session: OmeroSession, held: Holding, promised: int | None, store: Any = None) -> Holding:
    """Return what is held, when it is what was promised and OMERO can read it.

    Raises:
        OmeroFault: it is not.
    """
    if not held.images:
        raise OmeroFault("OMERO says that the import is done, but holds no image of it.")
    if promised not in (None, len(held.images)):
        raise OmeroFault(f"OMERO says that it has made {promised} images, but holds {len(held.images)}.")
    if why := unreadable(session, held, store):
        raise OmeroFault(f"OMERO says that the import is done, but cannot read the image: {why}")
    return held
