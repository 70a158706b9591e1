"""The transfer stage: a verified fileset in, one whose bytes are where the import reads them out."""

from collections.abc import Callable
from pathlib import Path

from flows.core.control import Control, Stage, Uncontrolled
from flows.core.errors import ImportCancelled
from flows.core.remotes import Store, is_remote
from flows.core.requests import Fileset, StagedFile, StagedFileset, Staging, VerifiedFileset
from flows.core.settings import StagingArea
from flows.core.transfer.area import check_room, clear, directory_for, folder_of_fileset, make_private, places
from flows.core.transfer.copying import copy_file
from flows.core.transfer.reading import check_unchanged

Reach = Callable[[str], Store | None]
"""Returns what reaches a file; None for those of this machine."""


def transfer_fileset(
    verified: VerifiedFileset,
    *,
    staging: StagingArea,
    mode: Staging,
    run_id: str,
    control: Control | None = None,
    reach: Reach = lambda _: None,
) -> StagedFileset:
    """Copy the files to the staging area, or leave them where they are: as asked, and as the settings allow.

    What is on another machine is always copied; `reach` gives what reaches it. Called again after a failure or a
    crash, it goes on from what is there.

    Raises:
        SourceError: a file is gone, cannot be read, or is not what was verified.
        StagingNeeded: it is on another machine, and there is no staging area.
        CopyDiffers: the copy is not what the machine that holds the source says.
        StagingFull: there is no room for the copy.
        StagingFailed: the copy cannot be written.
        ImportCancelled: the import is not wanted any more; its copies are removed.
    """
    fileset, control = verified.fileset, control or Uncontrolled()
    control.check()
    directory = directory_for(staging, mode, afar=is_afar(fileset))
    if directory is None:
        return _direct(fileset, control)
    folder = folder_of_fileset(directory, run_id, fileset.key)
    check_room(max(0, fileset.size - _bytes_in(folder)), staging, Staging.STAGE)
    make_private(directory, run_id)
    try:
        return _staged(fileset, folder, control, reach)
    except ImportCancelled:
        clear(folder)
        raise


def is_afar(fileset: Fileset) -> bool:
    """Say whether a fileset is on another machine."""
    return is_remote(fileset.files[0].path)


def _direct(fileset: Fileset, control: Control) -> StagedFileset:
    for file in fileset.files:
        check_unchanged(file)
    files = tuple(StagedFile(path=file.path, client_path=file.client_path, size=file.size) for file in fileset.files)
    control.moved(fileset.key, Stage.TRANSFER, fileset.size, fileset.size)
    return StagedFileset(fileset=fileset, files=files, staged=False)


def _staged(fileset: Fileset, folder: Path, control: Control, reach: Reach) -> StagedFileset:
    copies: list[StagedFile] = []
    key, total, before = fileset.key, fileset.size, 0

    def passed(done: int) -> None:
        control.check()
        control.moved(key, Stage.TRANSFER, before + done, total)

    for file, place in zip(fileset.files, places(folder, fileset), strict=True):
        passed(0)
        sha1 = copy_file(file, place, passed, control.pace, reach(file.path))
        copies.append(StagedFile(path=str(place.final), client_path=file.client_path, size=file.size, sha1=sha1))
        before += file.size
    return StagedFileset(fileset=fileset, files=tuple(copies), staged=True)


def _bytes_in(folder: Path) -> int:
    """Return what an earlier attempt left, which needs no room any more."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
