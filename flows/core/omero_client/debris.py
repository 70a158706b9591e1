"""Removes the filesets that imports of ours left half-done and nobody will come back for."""

import logging
import time
from collections.abc import Callable

from flows.core.omero_client.annotations import RUN
from flows.core.omero_client.commands import delete_filesets
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import batches
from flows.core.omero_client.session import OmeroSession

log = logging.getLogger(__name__)


def clear_debris(session: OmeroSession, *, is_over: Callable[[str], bool], older_than: float) -> int:
    """Delete the user's filesets that carry our mark and have no image, when their run is over; return how many.

    In all groups of the user. One that OMERO was importing at that very moment loses against this: it is deleted
    with all its images, or saves none.

    Args:
        session: of the user.
        is_over: says whether the run of this id has ended for good; must be False for one that may go on.
        older_than: seconds: younger ones are left alone, whatever `is_over` says.

    Raises:
        OmeroError: OMERO cannot say, or cannot remove them.
    """
    with speaking_to(session.server.host, doing="looking for debris"):
        before = int((time.time() - older_than) * 1000)
        debris = [fileset for fileset, run in _half_done(session, before) if is_over(run)]
    for some in batches(debris):
        log.info("removing half-made imports of %s whose runs are over: filesets %s", session.user, some)
        delete_filesets(session, some)
    return len(debris)


def _half_done(session: OmeroSession, before: int) -> list[tuple[int, str]]:
    """Return the user's filesets of ours without images that were made before, with the ids of their runs."""
    empty = session.rows_everywhere(
        "select f.id, f.details.creationEvent.time from Fileset f left outer join f.images i"
        " where f.details.owner.id = :owner and i.id is null",
        owner=session.user_id,
    )
    found = []
    for some in batches([fileset for fileset, made in empty if made < before]):
        links = session.rows_everywhere(
            "select l.child.id, l.parent.id from FilesetAnnotationLink l"
            " where l.parent.id in (:filesets) and l.child.ns = :namespace",
            filesets=some,
            namespace=RUN,
        )
        comments = [comment for comment, _ in links]
        texts = session.rows_everywhere(
            "select a.id, a.textValue from CommentAnnotation a where a.id in (:ids)", ids=comments or [0]
        )
        keys = dict(texts)
        found += [(fileset, keys[comment].partition("/")[0]) for comment, fileset in links]
    return found
