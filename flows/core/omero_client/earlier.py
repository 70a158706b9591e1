"""Finds what earlier attempts of a run left in OMERO: done, still being imported, or debris, which it removes.

Nothing is ever imported twice under one key: what is found complete is kept, once; all else goes before a new try.
"""

import logging
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from flows.core.control import Control, Uncontrolled
from flows.core.errors import CourierError
from flows.core.omero_client.annotations import (
    RUN,
    ImportDetails,
    annotations_for,
    record_provenances,
)
from flows.core.omero_client.commands import delete_filesets
from flows.core.omero_client.faults import means_lost, speaking_to
from flows.core.omero_client.holdings import Holding, batches, carriers, comments_of, holdings, unreadable, uploaded
from flows.core.omero_client.java_importer.marks import settle_marks
from flows.core.omero_client.processes import await_import, running
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import ImportedFileset

log = logging.getLogger(__name__)

Held = Mapping[int, Holding]
"""What is held of filesets, by their ids."""


def find_earlier(session: OmeroSession, run_key: str, *, control: Control | None = None) -> ImportedFileset | None:
    """Return what an earlier attempt with this key brought into OMERO, and remove what it left half-done.

    As `find_earlier_of`, for one key.
    """
    return find_earlier_of(session, [run_key], control=control).get(run_key)


def find_earlier_of(
    session: OmeroSession,
    run_keys: Collection[str],
    *,
    control: Control | None = None,
    wishes: Callable[[str], ImportDetails] = lambda run_key: ImportDetails(),
) -> dict[str, ImportedFileset]:
    """Return, by their keys, those filesets that earlier attempts brought into OMERO; remove what they left half-done.

    A fileset whose images are there and can be read back (`holdings.unreadable` says what that means) is done; where
    its images do not say yet where they came from, that is made good. One that OMERO is importing at this moment, in
    this very session, is waited for, as long as the settings of the server allow: a session that the user's import
    carries is shared by its attempts. (Those of sessions that `fence` ended cannot be running any more.) Everything
    else is deleted. Two questions to OMERO where there is nothing, whatever the number of keys.

    Args:
        session: of the user.
        run_keys: `<run id>/<fileset key>` each.
        control: asked every now and then, while OMERO imports, whether to go on.
        wishes: what is to be said of the images of a key, where another program imported them and that is not said yet.

    Raises:
        OmeroError: OMERO cannot say, or cannot remove it.
        ImportCancelled: `control` said so; what was found half-done is stopped and removed.
        RunPutOff: as well.
    """
    with speaking_to(session.server.host, doing="looking for earlier attempts"):
        if not (comments := comments_of(session, RUN, run_keys)):
            return {}
    by_others = settle_marks(session, comments)
    with speaking_to(session.server.host, doing="looking for earlier attempts"):
        found = carriers(session, "Fileset", comments)
        if not found:
            return {}
        held = _settled(session, found, (control or Uncontrolled()).check)
        done, debris = _sorted(session, found, held)
    remove(session, debris)
    with speaking_to(session.server.host, doing="reading back what earlier attempts imported"):
        also = {key: annotations_for(session, wishes(key)) for key in by_others & done.keys()}
        return describe(session, done, also=also)


def keys_of_run(session: OmeroSession, run_id: str) -> list[str]:
    """Return the keys of all filesets that attempts of a run began, also of those that it did not live to note down.

    Raises:
        OmeroError: OMERO cannot say.
    """
    with speaking_to(session.server.host, doing="looking for what a run left"):
        rows = session.rows(
            "select a.textValue from CommentAnnotation a where a.ns = :namespace and a.textValue like :keys",
            namespace=RUN,
            keys=f"{run_id}/%",
        )
    return sorted({key for (key,) in rows})


class Done(NamedTuple):
    """A complete fileset."""

    fileset: int
    holding: Holding


def remove(session: OmeroSession, filesets: Collection[int]) -> None:
    """Delete filesets that an attempt left half-done.

    Raises:
        OmeroError: OMERO did not.
    """
    if filesets:
        log.info("removing what an earlier attempt left: filesets %s", sorted(filesets))
        delete_filesets(session, filesets)


def describe(
    session: OmeroSession,
    done: Mapping[str, Done],
    *,
    duplicate: bool = False,
    also: Mapping[str, Sequence[Any]] | None = None,
) -> dict[str, ImportedFileset]:
    """Return complete filesets as values; see that the images of a run's own say where they came from.

    With that they get the annotations that `also` names, by key.
    """
    if not done:
        return {}
    names = _names(session, [each.fileset for each in done.values()])
    if not duplicate:
        _make_good(session, done, also or {})
    return {
        key: ImportedFileset(
            key=key.rpartition("/")[2],
            name=names[each.fileset],
            fileset_id=each.fileset,
            images=each.holding.images,
            duplicate=duplicate,
        )
        for key, each in done.items()
    }


def _settled(session: OmeroSession, found: Mapping[str, Sequence[int]], check: Callable[[], None]) -> Held:
    """Return what is held once OMERO imports none of these any more; nothing of those that it refused."""
    filesets = [fileset for ids in found.values() for fileset in ids]
    # Images appear in the first of the five steps of an import: even where there are some, it may still be running.
    awaited = uploaded(session, filesets)
    handles = {fileset: handle for fileset, handle in running(session).items() if fileset in awaited} if awaited else {}
    refused = {fileset for fileset, handle in handles.items() if _was_refused(session, fileset, handle, check)}
    return {fileset: holding for fileset, holding in holdings(session, filesets).items() if fileset not in refused}


def _was_refused(session: OmeroSession, fileset: int, handle: Any, check: Callable[[], None]) -> bool:
    try:
        refusal = await_import(session, handle, check)
    except CourierError as error:
        if not means_lost(error):
            remove(session, [fileset])
        raise
    if refusal:
        log.warning("fileset %d, of an earlier attempt, was refused: %s", fileset, refusal.name)
    return refusal is not None


def _sorted(session: OmeroSession, found: Mapping[str, Sequence[int]], held: Held) -> tuple[dict[str, Done], list[int]]:
    """Choose the oldest complete fileset of each key; return these, and all others, which are debris."""
    done: dict[str, Done] = {}
    debris = []
    for key, filesets in found.items():
        for fileset in filesets:
            holding = held.get(fileset)
            if key not in done and holding and unreadable(session, holding) is None:
                done[key] = Done(fileset, holding)
            else:
                debris.append(fileset)
    return done, debris


def _names(session: OmeroSession, filesets: Sequence[int]) -> dict[int, str]:
    # The first entry of each comes last, and stays.
    return {
        fileset: posixpath.basename(path)
        for some in batches(filesets)
        for fileset, path in session.rows(
            "select e.fileset.id, e.clientPath from FilesetEntry e"
            " where e.fileset.id in (:filesets) order by e.id desc",
            filesets=some,
        )
    }


def _make_good(session: OmeroSession, done: Mapping[str, Done], also: Mapping[str, Sequence[Any]]) -> None:
    record_provenances(
        session,
        {each.fileset: (key, [image.id for image in each.holding.images]) for key, each in done.items()},
        also={each.fileset: also.get(key, ()) for key, each in done.items()},
    )
