"""Says, before anything is done, which wishes of an import the settings do not allow."""

from typing import Literal

from flows.core.errors import PlacementNotAllowed, RequestError
from flows.core.requests import AfterImport, ImportOptions, Placement
from flows.core.settings import OmeroServer
from flows.core.verify import Access, check_after


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


def check_after_import(asked: ImportOptions, access: Access, server: OmeroServer) -> None:
    """Check that what was asked for may be done with the files once they are in OMERO.

    Raises:
        SourceNotAllowed: a root does not allow it, or the user may not import from there.
        RequestError: OMERO can only be asked about them while the import runs, so that it cannot be done later.
    """
    if asked.after_import is AfterImport.KEEP:
        return
    if asked.after_delay_hours and server.service_account is None:
        raise RequestError(
            "The courier has no service account at this OMERO, so that nothing can be done once the import has ended.",
            advice="Leave out `after_delay_hours`.",
        )
    for source in asked.sources:
        what: Literal["move", "delete"] = "move" if asked.after_import is AfterImport.MOVE else "delete"
        check_after(access.roots, access.user, access.allowed(source).real_path, what)
