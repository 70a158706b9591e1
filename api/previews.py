"""Says what an import would do, without doing it: the verify stage on what this machine can see."""

from collections.abc import Sequence

from api.admission import Grant
from api.door import Deadline
from api.models import NewImport, Preview, PreviewFileset
from flows.core.errors import ImportCancelled, SourceError
from flows.core.requests import Failure, Fileset
from flows.core.settings import Settings
from flows.core.status import FILES_TOLD
from flows.core.verify import verify_fileset

SECONDS = 10.0
"""How long filesets are looked into; the rest is told by name and size."""


def preview(grant: Grant, body: NewImport, settings: Settings) -> Preview:
    """Look into the filesets of an admitted request."""
    owner = grant.standing.owner
    # An import waits until a file that is still being written has settled; a preview waits for nothing.
    at_once = settings.verification.model_copy(update={"settle_seconds": 0})
    deadline = Deadline(SECONDS)
    taken: list[PreviewFileset] = []
    refused = list(grant.look.expansion.refused)
    for fileset in grant.look.expansion.filesets:
        try:
            verified = verify_fileset(fileset, access=grant.access, settings=at_once, control=deadline)
            taken.append(_taken(verified.fileset, verified.format))
        except SourceError as wrong:
            refused.append(Failure.of(wrong.about(fileset.files[0].client_path)))
        except ImportCancelled:
            taken.append(_taken(fileset, None))
    return Preview(
        server=grant.server,
        user=owner.user,
        group=owner.group,
        target=body.target or _folder_of(grant.look.expansion.filesets),
        to_make=list(owner.to_make),
        checked="now" if grant.look.complete else "later",
        bytes_total=sum(each.bytes for each in taken),
        filesets=taken,
        refused=refused,
    )


def _folder_of(filesets: Sequence[Fileset]) -> str | None:
    """Where images go when nothing is asked for: a dataset named after the folder of the first."""
    if not filesets:
        return None
    return f"Dataset:name:{(filesets[0].folder or 'Imported')[:255]}"


def _taken(fileset: Fileset, format_name: str | None) -> PreviewFileset:
    files = [file.client_path for file in fileset.files[:FILES_TOLD]]
    return PreviewFileset(name=fileset.name, files=files, bytes=fileset.size, format=format_name)
