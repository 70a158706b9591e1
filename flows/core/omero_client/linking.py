"""Puts images that OMERO holds already where an import was to go."""

from collections.abc import Sequence
from typing import Any

import omero
from omero.model import DatasetI, DatasetImageLinkI, ImageI, PlateI, ScreenI, ScreenPlateLinkI

from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import batches, plates_of
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import ImportedImage


def link_to_target(session: OmeroSession, images: Sequence[ImportedImage], target: ResolvedTarget | None) -> int:
    """Put images into a dataset, or their plates into a screen, besides wherever they are.

    Returns:
        How many were not there yet. A screen takes plates only: other images are left as they are.

    Raises:
        NotPermitted: the user may not add to that dataset or screen.
        OmeroError: OMERO did not do it.
    """
    if target is None or target.id is None:
        return 0
    with speaking_to(session.server.host, doing=f"putting images into {target.name}"):
        ids = [image.id for image in images]
        if target.kind == "Screen":
            ids = plates_of(session, ids)
        missing = _missing(session, target, ids)
        try:
            session.update.saveArray([_link(target, each) for each in missing])
        except omero.ValidationException:
            # Somebody put them there meanwhile: OMERO's database takes each link once.
            if _missing(session, target, missing):
                raise
    return len(missing)


def _missing(session: OmeroSession, target: ResolvedTarget, ids: Sequence[int]) -> list[int]:
    kind = "ScreenPlateLink" if target.kind == "Screen" else "DatasetImageLink"
    linked = {
        each
        for some in batches(ids)
        for (each,) in session.rows(
            f"select l.child.id from {kind} l where l.parent.id = :target and l.child.id in (:ids)",  # noqa: S608
            target=int(target.id or 0),
            ids=some,
        )
    }
    return [each for each in ids if each not in linked]


def _link(target: ResolvedTarget, each: int) -> Any:
    if target.kind == "Screen":
        to_screen = ScreenPlateLinkI()
        to_screen.parent = ScreenI(target.id, False)
        to_screen.child = PlateI(each, False)
        return to_screen
    link = DatasetImageLinkI()
    link.parent = DatasetI(target.id, False)
    link.child = ImageI(each, False)
    return link
