"""Says in the courier's words why a file does not get into OMERO's repository in place, and what to do."""

import errno
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.core.errors import CourierError, NotPlaced, OmeroFault, OmeroFull
from flows.core.requests import Placement, StagedFile

_AWAY = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN, errno.EREMOTEIO})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DONE = {Placement.LN_S: "linked to", Placement.LN: "hard-linked", Placement.CP: "copied"}


@contextmanager
def told_of_placing(location: Path, file: StagedFile, placement: Placement) -> Iterator[None]:
    """Say in the courier's words that a file did not get into the repository.

    Raises:
        NotPlaced: it cannot get there from here.
        OmeroFull: the repository has no room.
        OmeroFault: the repository's disk does not answer just now.
    """
    try:
        yield
    except OSError as failed:
        raise placing_error(failed, location, file, placement) from failed


def placing_error(failed: OSError, location: Path, file: StagedFile, placement: Placement) -> CourierError:
    """Put into the courier's words why a file could not be linked or copied into the repository."""
    which, folder = file.client_path, location.parent
    if failed.errno in _FULL:
        return OmeroFull("There is no room in OMERO's repository.", which=which)
    if failed.errno in _AWAY:
        return OmeroFault(f"The disk of OMERO's repository does not answer: {failed.strerror}.", which=which)
    done = _DONE[placement]
    if failed.errno == errno.EXDEV:
        return NotPlaced(
            "It lies on another file system than OMERO's repository, so that it cannot be hard-linked.",
            which=which,
            advice="Use the placement ln_s, cp or upload.",
        )
    if placement is Placement.LN and failed.errno in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
        return NotPlaced(
            f"The operating system does not let the courier's account hard-link it: {failed.strerror}.",
            which=which,
            advice="That account has to own the file or may write to it (fs.protected_hardlinks), on a file system"
            " that has hard links. Else use ln_s, cp or upload.",
        )
    if failed.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return NotPlaced(
            f"The courier's account may not write in OMERO's repository, so that it cannot be {done}: {folder}.",
            which=which,
            advice="Run the worker as OMERO's account, or let its account write there; or use the placement upload.",
        )
    return NotPlaced(f"It cannot be {done}: {failed.strerror}.", which=which)


def not_here(location: Path, file: StagedFile, *, is_another: bool) -> NotPlaced:
    """Say that what this machine takes for the repository is none, or another."""
    what = "holds something else" if is_another else "is not there"
    return NotPlaced(
        f"This worker does not see OMERO's repository: what OMERO wrote to {posixpath.basename(location)} {what} at"
        f" {location}.",
        which=file.client_path,
        advice="The operator should mount the repository on the worker, and say where in `in_place` `repository` of"
        " this server. Until then use the placement upload.",
    )
