"""Knows how the staging area is laid out, how much room it has, and how it is cleared.

<staging>/<run id>/<fileset key>/files/...      finished copies, in the folders they had below their common one
<staging>/<run id>/<fileset key>/partial/...    copies under way, named after the source they are made from

Only the courier's own account may look into it.
"""

import errno
import posixpath
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from flows.core.errors import StagingFailed, StagingFull, StagingNeeded
from flows.core.requests import Fileset, SourceFile, StagedFileset, Staging
from flows.core.settings import StagingArea

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def told_of_staging(path: Path) -> Iterator[None]:
    """Turn what the operating system says about the staging area into the courier's words.

    Raises:
        StagingFull: there is no room.
        StagingFailed: anything else.
    """
    try:
        yield
    except OSError as failed:
        if failed.errno in _FULL:
            raise StagingFull(which=str(path)) from failed
        raise StagingFailed(f"The staging area could not be written: {failed.strerror}.", which=str(path)) from failed


@dataclass(frozen=True)
class Place:
    """Where the copy of one file lies."""

    final: Path
    partial: Path
    """Its name says of which state of the source it is a copy."""


def directory_for(staging: StagingArea, mode: Staging, *, afar: bool = False) -> Path | None:
    """Return the staging area where files are to be copied; None where they are read where they are.

    `auto` is what the settings say. Without a staging area nothing is copied, whatever was asked; what is `afar`, on
    another machine, always is.

    Raises:
        StagingNeeded: that has to be copied, and there is no staging area.
    """
    if afar and staging.directory is None:
        raise StagingNeeded
    copies = afar or mode is Staging.STAGE or (mode is Staging.AUTO and staging.auto)
    return staging.directory if copies else None


def folder_of_run(directory: Path, run_id: str) -> Path:
    """Return the folder of a run's copies."""
    return directory / _plain(run_id)


def folder_of_fileset(directory: Path, run_id: str, key: str) -> Path:
    """Return the folder of a fileset's copies."""
    return folder_of_run(directory, run_id) / _plain(key)


def make_private(directory: Path, run_id: str) -> None:
    """Make the folder of a run's copies, for the courier's own account only.

    Raises:
        StagingFull, StagingFailed: it cannot be made.
    """
    with told_of_staging(directory):
        folder_of_run(directory, run_id).mkdir(mode=0o700, exist_ok=True)


def _plain(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name:
        raise ValueError(f"{name!r} cannot name a folder")
    return name


def places(folder: Path, fileset: Fileset) -> tuple[Place, ...]:
    """Return where each file's copy lies: no two of a fileset share a place."""
    common = posixpath.commonpath([_folders(file) for file in fileset.files])
    return tuple(
        Place(
            final=folder / "files" / _below(file, common),
            partial=folder / "partial" / f"{number}.{file.size}.{stamp(file)}",
        )
        for number, file in enumerate(fileset.files)
    )


def _folders(file: SourceFile) -> str:
    """Return the folder that a file lies in as if all of a client's drives and hosts were folders of one."""
    return "/" + posixpath.dirname(file.client_path).lstrip("/")


def _below(file: SourceFile, common: str) -> PurePosixPath:
    path = PurePosixPath(_folders(file), posixpath.basename(file.client_path)).relative_to(common)
    if ".." in path.parts:
        raise ValueError(f"{file.client_path!r} leads out of its folder")
    return path


def stamp(file: SourceFile) -> int:
    """Return the time that the copy of a file is given, in nanoseconds, by which it is known again.

    Servers that name states of a file tell whole seconds: the rest says which state it was.
    """
    return file.mtime_ns + (zlib.crc32(file.version.encode()) % 1_000_000_000 if file.version else 0)


def check_room(needed: int, staging: StagingArea, mode: Staging) -> None:
    """Check that `needed` bytes fit into the staging area, if it is used, and leave `staging.keep_free` bytes free.

    Raises:
        StagingFull: they do not.
        StagingFailed: the staging area is not there.
    """
    if (directory := directory_for(staging, mode)) is None:
        return
    with told_of_staging(directory):
        free = shutil.disk_usage(directory).free
    if free < needed + staging.keep_free:
        raise StagingFull(
            f"The staging area has {free:,} bytes free; {needed:,} are needed and {staging.keep_free:,} are kept free.",
            which=str(directory),
        )


def clear_fileset(staged: StagedFileset, staging: StagingArea, run_id: str) -> None:
    """Remove a fileset's copies, once they were imported; nothing to remove is fine.

    Raises:
        StagingFailed: they could not be removed.
    """
    if staged.staged and staging.directory is not None:
        clear(folder_of_fileset(staging.directory, run_id, staged.fileset.key))


def clear_run(staging: StagingArea, run_id: str) -> None:
    """Remove all copies of a run that has ended; nothing to remove is fine.

    Raises:
        StagingFailed: they could not be removed.
    """
    if staging.directory is not None:
        clear(folder_of_run(staging.directory, run_id))


def runs_with_copies(staging: StagingArea) -> dict[str, datetime]:
    """Return the runs that have a folder in the staging area, and when each was last changed.

    Raises:
        StagingFailed: the staging area cannot be read.
    """
    if staging.directory is None:
        return {}
    with told_of_staging(staging.directory):
        folders = [each for each in staging.directory.iterdir() if each.is_dir()]
        return {each.name: datetime.fromtimestamp(each.stat().st_mtime, UTC) for each in folders}


def clear(folder: Path) -> None:
    """Remove a folder of copies, if it is there.

    Raises:
        StagingFailed: it could not be removed.
    """
    with told_of_staging(folder), suppress(FileNotFoundError):
        shutil.rmtree(folder)
