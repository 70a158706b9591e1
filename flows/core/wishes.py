"""Says, before anything is done, which wishes of an import the settings do not allow."""

from typing import Literal

from flows.core.errors import PlacementNotAllowed, RequestError
from flows.core.requests import AfterImport, ImportOptions, Placement
from flows.core.settings import OmeroServer
from flows.core.sources import Kind, Source, client_path
from flows.core.verify import Access, check_after


def check_placement(asked: ImportOptions, name: str, server: OmeroServer) -> None:
    """Check that files may get into the repository of a server in the way that was asked for.

    Raises:
        PlacementNotAllowed: they may not.
        RequestError: there is no file that could be linked to.
    """
    allowed = {Placement.UPLOAD.value, *server.in_place.placements}
    if asked.placement.value not in allowed:
        raise PlacementNotAllowed(
            f"The OMERO server {name} takes files by {', '.join(sorted(allowed, reverse=True))},"
            f" not by {asked.placement}.",
            which=name,
        )
    if asked.placement.is_link:
        _check_not_remote(asked, f"cannot be linked to by {asked.placement}", "Leave out `placement`.")


def check_after_import(asked: ImportOptions, access: Access, server: OmeroServer) -> None:
    """Check that what was asked for may be done with the files once they are in OMERO.

    Raises:
        SourceNotAllowed: a root does not allow it, or the user may not import from there.
        RequestError: it cannot be done with files that lie there, or not later than the import.
    """
    if asked.after_import is AfterImport.KEEP:
        return
    if asked.after_delay_hours and server.service_account is None:
        raise RequestError(
            "The courier has no service account at this OMERO, so that nothing can be done once the import has ended.",
            advice="Leave out `after_delay_hours`.",
        )
    what: Literal["move", "delete"] = "move" if asked.after_import is AfterImport.MOVE else "delete"
    _check_not_remote(asked, f"cannot be {what}d by the courier", "Leave out `after_import`.")
    for source in asked.sources:
        permit = access.judge(client_path(source))
        roots = {name: root for name, root in access.roots.items() if root.station == permit.station}
        check_after(roots, access.user, permit.real_path, what)


def _check_not_remote(asked: ImportOptions, what: str, advice: str) -> None:
    for source in asked.sources:
        if Source.parse(source).kind is Kind.REMOTE:
            raise RequestError(f"What lies on another machine {what}.", which=client_path(source), advice=advice)
