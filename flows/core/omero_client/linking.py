"""Puts images that OMERO holds already where an import was to go."""

from collections.abc import Sequence
from typing import Any

import omero
from omero.model import DatasetI, DatasetImageLinkI, ImageI

from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import batches
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import ImportedImage


def link_to_target(session: OmeroSession, images: Sequence[ImportedImage], target: ResolvedTarget | None) -> int:
    """Put images into a dataset, besides wherever they are; return how many were not there yet.

    A screen takes plates only, and is left as it is.

    Raises:
        NotPermitted: the user may not add to that dataset.
        OmeroError: OMERO did not do it.
    """
    if target is None or target.id is None or target.kind != "Dataset":
        return 0
    with speaking_to(session.server.host, doing=f"putting images into the dataset {target.name}"):
        missing = _missing(session, [image.id for image in images], target.id)
        try:
            session.update.saveArray([_link(target.id, image) for image in missing])
        except omero.ValidationException:
            # Somebody put them there meanwhile: OMERO's database takes each link once.
            if _missing(session, missing, target.id):
                raise
    return len(missing)


def _missing(session: OmeroSession, images: Sequence[int], dataset: int) -> list[int]:
    linked = {
        image
        for some in batches(images)
        for (image,) in session.rows(
            "select l.child.id from DatasetImageLink l where l.parent.id = :dataset and l.child.id in (:images)",
            dataset=dataset,
            images=some,
        )
    }
    return [image for image in images if image not in linked]


def _link(dataset: int, image: int) -> Any:
    link = DatasetImageLinkI()
    link.parent = DatasetI(dataset, False)
    link.child = ImageI(image, False)
    return link
