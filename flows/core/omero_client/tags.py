"""Finds tags by their names among those that the user may put on images, and makes what is missing, once."""

from collections.abc import Sequence

from omero.model import TagAnnotationI
from omero.rtypes import rstring

from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.naming import Alone, alone_here
from flows.core.omero_client.session import OmeroSession

TAG_SET = "openmicroscopy.org/omero/insight/tagset"
"""The namespace of what groups tags, and is a TagAnnotation itself (omero-web: tag sets)."""


def ensure_tags(session: OmeroSession, names: Sequence[str], *, alone: Alone = alone_here) -> list[int]:
    """Return the ids of tags of these names, made where missing: in the order of the names, each once.

    The user's own are taken, the oldest of several; else the oldest of the group that they may put on images.

    Args:
        session: of the user who will own the images.
        names: of the tags.
        alone: keeps out others who make tags of these names.

    Raises:
        OmeroError: OMERO did not do it.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return []
    with speaking_to(session.server.host, doing="looking up tags"):
        known = _known(session, wanted)
        if missing := [name for name in wanted if name not in known]:
            with alone([f"{session.group_id}/{session.user_id}/Tag/{name}" for name in missing]):
                known |= _known(session, missing)
                known |= {name: _new_tag(session, name) for name in missing if name not in known}
    return [known[name] for name in wanted]


def _known(session: OmeroSession, names: Sequence[str]) -> dict[str, int]:
    found = session.objects(
        "select t from TagAnnotation t where t.textValue in (:names) and (t.ns is null or t.ns != :set)",
        names=list(names),
        set=TAG_SET,
    )
    usable = [each for each in found if _is_own(session, each) or each.details.permissions.canAnnotate()]
    # The best comes last, and stays: the user's own, of these the oldest.
    usable.sort(key=lambda tag: (_is_own(session, tag), -tag.id.val))
    return {each.textValue.val: each.id.val for each in usable}


def _is_own(session: OmeroSession, tag: object) -> bool:
    return bool(tag.details.owner.id.val == session.user_id)  # type: ignore[attr-defined]


def _new_tag(session: OmeroSession, name: str) -> int:
    tag = TagAnnotationI()
    tag.textValue = rstring(name)
    return int(session.update.saveAndReturnObject(tag).id.val)
