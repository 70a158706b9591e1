"""The marks of imports whose fileset somebody else creates: written first, hung on the fileset as soon as it is there.

A fileset of ours carries its marks from the transaction on that creates it (ADR 0009). The Java importer writes none,
so an attempt writes them before it starts it, tied to nothing yet; they say in which OMERO session the fileset will
be made, and of which file. From that every later attempt finds the fileset, whatever became of the one before.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from omero.model import CommentAnnotationI, FilesetAnnotationLinkI, FilesetI
from omero.rtypes import rstring, unwrap
from pydantic import ValidationError

from flows.core.omero_client.annotations import FINGERPRINT, RUN, comment, fingerprint
from flows.core.omero_client.commands import delete_annotations
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import batches, links_to
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import Fileset, Frozen

log = logging.getLogger(__name__)


class Expected(Frozen):
    """How the fileset is found that a mark will hang on; kept as the description of the mark."""

    session: int
    """The id, which is no secret, of the OMERO session in which it is made."""
    after: int
    """Its id is higher than this one."""
    path: str
    """The file that is opened, as OMERO writes client paths."""
    fingerprint: int
    """The id of the mark with its fingerprint."""

    @classmethod
    def read(cls, description: str | None) -> Self | None:
        """Return what a description says; None of marks that OMERO got together with their fileset."""
        if not (description or "").startswith("{"):
            return None
        try:
            return cls.model_validate_json(description or "")
        except ValidationError:
            return None


class Mark(Frozen):
    """The mark of one attempt to import one fileset."""

    comment: int
    run_key: str
    expected: Expected

    @property
    def comments(self) -> tuple[int, int]:
        """The ids of both of its comments."""
        return self.comment, self.expected.fingerprint


def write_mark(session: OmeroSession, fileset: Fileset, run_key: str, *, own: OmeroSession, path: str) -> Mark:
    """Write down that a fileset will be made, in the session `own`, from the file `path`.

    Raises:
        OmeroError: OMERO did not take it.
    """
    with speaking_to(session.server.host, doing="announcing an import"):
        # OMERO gives out ids in order, and this fileset gets its own later.
        newest = session.rows("select max(f.id) from Fileset f where f.details.owner.id = :id", id=session.user_id)
        expected = Expected(
            session=_id_of(own),
            after=newest[0][0] or 0,
            path=path,
            fingerprint=_saved(session, fingerprint(fileset), FINGERPRINT, run_key),
        )
        made = _saved(session, run_key, RUN, expected.model_dump_json())
    return Mark(comment=made, run_key=run_key, expected=expected)


def _saved(session: OmeroSession, text: str, namespace: str, description: str) -> int:
    made = comment(text, namespace)
    made.description = rstring(description)
    return int(session.update.saveAndReturnObject(made).id.val)


def _id_of(own: OmeroSession) -> int:
    described = own.services.getSessionService().getSession(own.key.get_secret_value())
    return int(unwrap(described.id))


def _marks_among(comments: Mapping[int, tuple[str, str | None]]) -> list[Mark]:
    """Return those that were written before their fileset was there, oldest first."""
    return [
        Mark(comment=each, run_key=text, expected=expected)
        for each, (text, description) in sorted(comments.items())
        if (expected := Expected.read(description)) is not None
    ]


def _loose(session: OmeroSession, marks: Sequence[Mark]) -> list[Mark]:
    """Return those that hang on no fileset (yet)."""
    if not marks:
        return []
    hung = {child for _, child in links_to(session, "Fileset", [each.comment for each in marks])}
    return [each for each in marks if each.comment not in hung]


def filesets_for(session: OmeroSession, mark: Mark) -> list[int]:
    """Return the filesets that were made for a mark and do not carry one yet, oldest first."""
    expected = mark.expected
    rows = session.rows(
        "select distinct f.id from FilesetEntry e join e.fileset f where f.id > :after"
        " and f.details.owner.id = :owner and f.details.creationEvent.session.id = :session and e.clientPath = :path",
        after=expected.after,
        owner=session.user_id,
        session=expected.session,
        path=expected.path,
    )
    made = sorted(fileset for (fileset,) in rows)
    marked = {
        fileset
        for some in batches(made)
        for (fileset,) in session.rows(
            "select l.parent.id from FilesetAnnotationLink l where l.parent.id in (:some) and l.child.ns = :namespace",
            some=some,
            namespace=RUN,
        )
    }
    return [each for each in made if each not in marked]


def hang(session: OmeroSession, mark: Mark, filesets: Iterable[int]) -> None:
    """Hang a mark on filesets, in one transaction."""
    links = [_link(fileset, each) for fileset in filesets for each in mark.comments]
    if links:
        session.update.saveArray(links)


def _link(fileset: int, mark: int) -> Any:
    link = FilesetAnnotationLinkI()
    link.parent = FilesetI(fileset, False)
    link.child = CommentAnnotationI(mark, False)
    return link


def settle_marks(session: OmeroSession, comments: Mapping[int, tuple[str, str | None]]) -> frozenset[str]:
    """Hang the marks that earlier attempts left on the filesets that were made for them; remove those without one.

    Who does it has fenced these attempts: nothing is made for their marks any more.

    Args:
        session: of the user.
        comments: all that stand under the keys of these imports, as `comments_of` returns them.

    Returns:
        The keys of imports that another program makes, or made: what was to be said of the images may not be said yet.

    Raises:
        OmeroError: OMERO cannot say, or refuses it.
    """
    host = session.server.host
    with speaking_to(host, doing="looking for what the Java importer left"):
        every = _marks_among(comments)
        vain: list[int] = []
        for mark in _loose(session, every):
            if made := filesets_for(session, mark):
                log.info("the Java importer had begun filesets %s", made)
                hang(session, mark, made)
            else:
                vain += mark.comments
    if vain:
        delete_annotations(session, vain)
    return frozenset(each.run_key for each in every)


def take_down(session: OmeroSession, mark: Mark) -> None:
    """Remove a mark that hangs on nothing; one that went with its fileset is gone already.

    Raises:
        OmeroError: OMERO refuses it, or is away.
    """
    with speaking_to(session.server.host, doing="looking for the mark of an import"):
        rows = session.rows(
            "select a.id from CommentAnnotation a where a.id in (:comments)", comments=list(mark.comments)
        )
    if rows:
        delete_annotations(session, [each for (each,) in rows])
