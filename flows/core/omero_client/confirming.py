"""Makes sure, before files are given up, that OMERO holds their very bytes; gives up none itself."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

from flows.core.control import Control
from flows.core.errors import NotConfirmed
from flows.core.omero_client.annotations import transfer_of
from flows.core.omero_client.contents import Content, contents_of, owned
from flows.core.omero_client.duplicates import SURE, checksum_of
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import NOTHING, holdings, unreadable
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import SourceFile, StagedFile
from flows.core.settings import Checksum

NOT_LINKED = frozenset({None, "UploadFileTransfer", "UploadRmFileTransfer", "CopyFileTransfer", "CopyMoveFileTransfer"})
"""The ways in which OMERO gets bytes of its own; by all others it reads files that somebody else may hold, too."""


def confirm_held(
    session: OmeroSession, fileset_id: int, files: Sequence[SourceFile], *, control: Control, whole: bool = True
) -> None:
    """Read files on disk, and compare them with what OMERO says of the files of a fileset: size and checksum of each.

    Names and order do not matter, as with duplicates. OMERO must be able to read the images back, too.

    Args:
        session: of the user who owns the fileset, in its group.
        fileset_id: in OMERO.
        files: those on disk, opened at their `path`.
        control: asked on every chunk that is read whether to go on.
        whole: these are all files of the fileset; otherwise they are what is left of it.

    Raises:
        NotConfirmed: they differ, the fileset is gone, its images cannot be read, or OMERO keeps no sure checksum.
        SourceError: a file cannot be read, or is not as long as it was.
        OmeroError: OMERO cannot say.
        ImportCancelled: `control` said so.
    """
    name = files[0].client_path
    with speaking_to(session.server.host, doing="confirming what was imported"):
        if fileset_id not in owned(session, [fileset_id]):
            raise NotConfirmed(
                f"OMERO holds no fileset {fileset_id} of {session.user} in the group {session.group} any more.",
                which=name,
            )
        if (transfer := transfer_of(session, fileset_id)) not in NOT_LINKED:
            raise NotConfirmed(
                f"OMERO may read this very file: fileset {fileset_id} was imported in place ({transfer}).",
                which=name,
                advice="The file stays where it is.",
            )
        held = contents_of(session, [fileset_id]).get(fileset_id, [])
        images = holdings(session, [fileset_id]).get(fileset_id, NOTHING)
        if why := unreadable(session, images):
            raise NotConfirmed(f"OMERO cannot read the images of fileset {fileset_id}: {why}.", which=name)
    algorithm = _sure_algorithm(held, name)
    _check_sizes(held, files, whole=whole)
    _check_bytes(held, files, algorithm, control)


def _sure_algorithm(held: Sequence[Content], name: str) -> Checksum:
    algorithms = {each.algorithm for each in held}
    if len(algorithms) != 1 or not algorithms <= SURE:
        kept = ", ".join(sorted(str(each) for each in algorithms)) or "none"
        raise NotConfirmed(
            f"OMERO keeps no checksum of it that is as good as the bytes: {kept}.",
            which=name,
            advice="The file stays. Offer OMERO SHA1-160, MD5-128 or Murmur3-128 in the setting `checksums`.",
        )
    return cast("Checksum", algorithms.pop())


def _check_sizes(held: Sequence[Content], files: Sequence[SourceFile], *, whole: bool) -> None:
    """Compare what costs nothing before anything is read."""
    left = Counter(each.size for each in held)
    for file in files:
        if not left[file.size]:
            raise NotConfirmed(
                f"OMERO holds no file of {file.size:,} bytes in that fileset for it.", which=file.client_path
            )
        left[file.size] -= 1
    if whole and left.total():
        raise NotConfirmed(
            f"OMERO holds {len(held)} files of the fileset; on disk there are {len(files)}.", which=files[0].client_path
        )


def _check_bytes(held: Sequence[Content], files: Sequence[SourceFile], algorithm: Checksum, control: Control) -> None:
    left = Counter((each.size, each.hash) for each in held)
    for file in files:
        # Nothing that was noted earlier counts: the bytes are read now.
        now = StagedFile(path=file.path, client_path=file.client_path, size=file.size)
        content = (file.size, checksum_of(now, algorithm, control))
        if not left[content]:
            raise NotConfirmed("OMERO holds other bytes than those on disk.", which=file.client_path)
        left[content] -= 1
