"""Says, before anything is done, which wishes of an import the settings do not allow."""

from flows.core.errors import PlacementNotAllowed
from flows.core.requests import Placement
from flows.core.settings import OmeroServer


def check_placement_from_afar(placement: Placement) -> None:
    """Check that files of another machine may get into the repository in this way.

    Raises:
        PlacementNotAllowed: they may not: OMERO would get what is a copy on its way, which goes once it was imported.
    """
    if placement is not Placement.UPLOAD:
        raise PlacementNotAllowed(
            "Files of another machine are uploaded: OMERO could not find them in place.",
            advice="Ask for the placement upload.",
        )


def check_placement(placement: Placement, name: str, server: OmeroServer) -> None:
    """Check that files may get into the repository of a server in this way.

    Raises:
        PlacementNotAllowed: they may not.
    """
    allowed = {Placement.UPLOAD.value, *server.in_place.placements}
    if placement.value not in allowed:
        raise PlacementNotAllowed(
            f"The OMERO server {name} takes files by {', '.join(sorted(allowed, reverse=True))}, not by {placement}.",
            which=name,
        )
