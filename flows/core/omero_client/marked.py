"""Finds the files that an import of ours brought into OMERO, untouched since, without reading a byte of them."""

from collections.abc import Sequence

from flows.core.omero_client.annotations import without_provenance
from flows.core.omero_client.duplicates import Marks
from flows.core.omero_client.earlier import Done, Held, describe
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import holdings
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import Fileset, ImportedFileset


def find_marked(session: OmeroSession, filesets: Sequence[Fileset]) -> dict[str, ImportedFileset]:
    """Return, by key, those of these filesets that the user has in OMERO with the same paths, sizes and times.

    Only what the user owns in the group of the session counts, and only what is complete: an import says on each
    image where it came from once it has read it back, as the last thing that it does. Nothing is read back again:
    what files are deleted upon is `confirm_held`. A few questions to OMERO for a thousand filesets.

    Raises:
        OmeroError: OMERO cannot say.
    """
    with speaking_to(session.server.host, doing="looking for what was imported before"):
        marked = Marks(session, filesets).same()
        held = _complete(session, sorted({each for its in marked.values() for each in its}))
        # The oldest of several.
        oldest = {key: min(complete) for key, its in marked.items() if (complete := held.keys() & set(its))}
        return describe(session, {key: Done(each, held[each]) for key, each in oldest.items()}, duplicate=True)


def _complete(session: OmeroSession, filesets: Sequence[int]) -> Held:
    """Return what is held of those whose images are all there and say where they came from."""
    found = holdings(session, filesets)
    silent = set(without_provenance(session, [image.id for held in found.values() for image in held.images]))
    return {
        fileset: held
        for fileset, held in found.items()
        if held.images and not held.without_pixels and not silent.intersection(image.id for image in held.images)
    }
