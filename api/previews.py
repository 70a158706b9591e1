"""Says what an import would do, without doing it: the verify stage on what this machine can see."""

from api.admission import Grant
from api.door import Deadline
from api.models import NewImport, Preview, PreviewFileset, PreviewMetadata
from flows.core.errors import ImportCancelled, SourceError
from flows.core.metadata.plan import Plan, Said
from flows.core.omero_client import CLIENT_MAP
from flows.core.requests import AttachTo, Failure, Fileset
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
    planned = grant.plan or Plan()
    refused = [*grant.look.expansion.refused, *planned.refused]
    misplaced = {each.which for each in planned.refused}
    for fileset in grant.look.expansion.filesets:
        if fileset.files[0].client_path in misplaced:
            continue
        said = planned.said.get(fileset.key)
        try:
            verified = verify_fileset(fileset, access=grant.access, settings=at_once, control=deadline)
            taken.append(_taken(verified.fileset, verified.format, body, said))
        except SourceError as wrong:
            refused.append(Failure.of(wrong.about(fileset.files[0].client_path)))
        except ImportCancelled:
            taken.append(_taken(fileset, None, body, said))
    return Preview(
        server=grant.server,
        user=owner.user,
        group=owner.group,
        target=body.target or next((str(each.target) for each in planned.said.values()), None),
        to_make=list(owner.to_make),
        notes=list(planned.notes),
        checked="now" if grant.look.complete else "later",
        bytes_total=sum(each.bytes for each in taken),
        filesets=taken,
        refused=refused,
    )


def _taken(fileset: Fileset, format_name: str | None, body: NewImport, said: Said | None) -> PreviewFileset:
    files = [file.client_path for file in fileset.files[:FILES_TOLD]]
    return PreviewFileset(
        name=fileset.name,
        files=files,
        bytes=fileset.size,
        format=format_name,
        target=str(said.target) if said else None,
        metadata=_metadata(body, said) if said else None,
    )


def _metadata(body: NewImport, said: Said) -> PreviewMetadata:
    return PreviewMetadata(
        row=said.row,
        name=said.name,
        description=said.description,
        key_values=said.key_values,
        key_values_namespace=(body.key_values_namespace or CLIENT_MAP) if said.key_values else None,
        tags=list(said.tags),
        comments=list(said.comments),
        annotation_ids=list(body.annotation_ids),
        attachments=list(body.attachments) if body.attach_to is AttachTo.IMAGES else [],
    )
