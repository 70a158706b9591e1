"""Says, before anything is done, which wishes of an import the settings do not allow."""

from flows.core.errors import PlacementNotAllowed
from flows.core.requests import Placement
from flows.core.settings import OmeroServer


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
