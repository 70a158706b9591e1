"""Begins imports: creates filesets in OMERO with their marks, before the first byte and tells them apart."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from omero.rtypes import unwrap

from flows.core.control import Control
from flows.core.errors import DuplicateUnderWay, OmeroFault
from flows.core.omero_client.annotations import RUN, ImportDetails, annotations_for
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import comments_of, links_to
from flows.core.omero_client.importer import BegunImport
from flows.core.omero_client.orders import import_settings, new_fileset
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import ImportedFileset, Placement, StagedFileset
from flows.core.settings import Checksum


def import_fileset(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    target: ResolvedTarget | None,
    details: ImportDetails,
    control: Control,
    run_key: str,
    placement: Placement = Placement.UPLOAD,
) -> ImportedFileset:
    """Upload a fileset, have OMERO import it, and read its images back: `begin_import`, then `finish`.

    Args:
        session: of the user who will own the images, in the group that they go into.
        staged: the files.
        target: the dataset or screen, or None for images without one.
        details: what is to be said of the images.
        control: told of the bytes, and asked on every chunk whether to go on.
        run_key: `<run id>/<fileset key>`, by which a later attempt finds this one.
        placement: how the bytes get into OMERO's repository.

    Raises:
        NotPlaced: they do not get there in that way.
        ImportRefused: OMERO cannot read the files.
        SourceChanged: a file is not what was verified or staged.
        NotPermitted: the user may not do that there.
        ImportCancelled: `control` said so.
        OmeroError: anything else that OMERO did not do.
    """
    begun = begin_import(session, staged, target=target, details=details, run_key=run_key, placement=placement)
    return begun.finish(control)


def begin_import(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    target: ResolvedTarget | None,
    details: ImportDetails,
    run_key: str,
    placement: Placement = Placement.UPLOAD,
) -> BegunImport:
    """Create a fileset in OMERO, with its marks, before its first byte; from now on everybody can find it.

    What was looked up, and this, stand under one lock; the upload does not. Arguments are those of `import_fileset`.

    Raises:
        DuplicateUnderWay: another attempt has begun the same meanwhile, without that lock; this one has left nothing.
        TargetNotFound: an annotation that should be linked is not there.
        NotPermitted: the user may not do that there.
        OmeroError: anything else that OMERO did not do.
    """
    begun = ask_for_import(session, staged, target=target, details=details, run_key=run_key, placement=placement)
    if (late := know_apart(session, [begun]).get(run_key)) is not None:
        raise late
    return begun


def ask_for_import(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    target: ResolvedTarget | None,
    details: ImportDetails,
    run_key: str,
    placement: Placement = Placement.UPLOAD,
) -> BegunImport:
    """Create a fileset as `begin_import`, which of several is to be told apart by `know_apart` before anything else.

    Raises:
        TargetNotFound: an annotation that should be linked is not there.
        NotPermitted: the user may not do that there.
        OmeroError: anything else that OMERO did not do.
    """
    session.keep_alive()
    nonce = str(uuid.uuid4())
    with speaking_to(session.server.host, doing="preparing an import"):
        asked = import_settings(session, target, details, annotations_for(session, details))
        process = session.repository.importFileset(new_fileset(staged, run_key, nonce, placement), asked)
    algorithm: Checksum = unwrap(asked.checksumAlgorithm.value)
    return BegunImport(
        session, staged, process, algorithm, run_key=run_key, nonce=nonce, target=target, placement=placement
    )


def know_apart(session: OmeroSession, asked: Sequence[BegunImport]) -> dict[str, DuplicateUnderWay]:
    """Tell filesets that were created just now from those of other attempts under the same keys.

    Returns:
        By run key, those that another attempt has begun before, without the lock; these have left nothing.

    Raises:
        OmeroError: OMERO cannot say.
    """
    with speaking_to(session.server.host, doing="looking for other attempts"):
        comments = comments_of(session, RUN, [each.run_key for each in asked])
        found = links_to(session, "Fileset", comments)
    under: defaultdict[str, dict[str | None, int]] = defaultdict(dict)
    for fileset, mark in found:
        key, nonce = comments[mark]
        under[key][nonce] = fileset
    late = {}
    for each in asked:
        filesets = under[each.run_key]
        if each.nonce not in filesets:
            raise OmeroFault("OMERO does not hold the fileset that it has just made.")
        each.fileset_id = filesets.pop(each.nonce)
        if any(other < each.fileset_id for other in filesets.values()):
            each.abandon()
            late[each.run_key] = DuplicateUnderWay("Another attempt of this import has begun with the same files.")
    return late
