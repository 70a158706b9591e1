"""Moves one file below a folder: never over another, and never so that it is gone before it is there."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from flows.core.afterwards.below import FILE, Below
from flows.core.disk import source_error
from flows.core.errors import SourceAway, SourceChanged, SourceError, SourceMissing

CHUNK = 4 * 1024 * 1024
"""Bytes of one step of a copy."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def told_of_change(which: str, done: str) -> Iterator[None]:
    """Say in the courier's words that a file could not be `moved` or `deleted`.

    Raises:
        SourceError: it is not there, its share does not answer, or the operating system did not do it.
    """
    try:
        yield
    except OSError as failed:
        error = source_error(failed, which)
        if isinstance(error, SourceAway | SourceMissing):
            raise error from failed
        raise SourceError(
            f"It cannot be {done}: {failed.strerror}.",
            which=which,
            advice="The courier's account needs the right to write in its folder; it is tried again.",
        ) from failed


def move(below: Below, source: PurePosixPath, goal: PurePosixPath, *, again: bool = False) -> None:
    """Give a file another place; where that is on another disk it is copied, compared, and only then removed.

    Args:
        below: the folder that both lie in.
        source: where it is.
        goal: where nothing is yet; the folders above are made.
        again: an earlier try may have got half-way: what it left at the goal is its own.

    Raises:
        OSError: it could not; FileExistsError: there is something at the goal.
        SourceChanged: it changed while it was copied.
    """
    with below.folder(source.parent) as here, below.folder(goal.parent, make=True) as there:
        if again and _was_half_done(here, source.name, there, goal.name):
            os.unlink(source.name, dir_fd=here)
            return
        # Taken first: a rename alone would replace what somebody else puts there.
        taken = _take(there, goal.name)
        try:
            os.rename(source.name, goal.name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as failed:
            if failed.errno == errno.EXDEV:
                _copy(here, source.name, there, goal.name, taken)
                _remove(here, source.name, there, goal.name)
                return
            _give_back(there, goal.name, taken)
            raise


def _remove(here: int, name: str, there: int, goal: str) -> None:
    """Remove what was copied; where that does not work, the copy, as long as there is what it is a copy of."""
    try:
        os.unlink(name, dir_fd=here)
    except FileNotFoundError:
        return
    except OSError:
        # Opened, since a share may remember a name that is gone.
        with _opened(here, name):
            os.unlink(goal, dir_fd=there)
        raise


def _take(there: int, goal: str) -> int:
    """Make an empty file where there is nothing, and return its inode."""
    descriptor = os.open(goal, NEW | os.O_EXCL, 0o600, dir_fd=there)
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _give_back(there: int, goal: str, taken: int) -> None:
    """Remove a place that was taken, as long as it is nothing else."""
    with suppress(FileNotFoundError):
        found = os.stat(goal, dir_fd=there, follow_symlinks=False)
        if found.st_ino == taken and not found.st_size:
            os.unlink(goal, dir_fd=there)


def _was_half_done(here: int, name: str, there: int, goal: str) -> bool:
    """Say whether the goal is a finished copy; a place that was only taken is given up."""
    try:
        found = os.stat(goal, dir_fd=there, follow_symlinks=False)
    except FileNotFoundError:
        return False
    own = os.stat(name, dir_fd=here, follow_symlinks=False)
    if not found.st_size and own.st_size:
        os.unlink(goal, dir_fd=there)
        return False
    if (found.st_size, found.st_mtime_ns) != (own.st_size, own.st_mtime_ns):
        return False
    with _opened(here, name) as source, _opened(there, goal) as copy:
        return _checksum(source) == _checksum(copy)


def _copy(here: int, name: str, there: int, goal: str, taken: int) -> None:
    """Copy over a place that was taken. The copy gets that name when it is complete, on the disk, and compared."""
    partial = f".{hashlib.sha256(os.fsencode(goal)).hexdigest()[:16]}.partial"
    try:
        with _opened(here, name) as source:
            before = os.fstat(source)
            _write(source, there, partial, before)
            with _opened(there, partial) as copy:
                os.lseek(source, 0, os.SEEK_SET)
                same = _checksum(copy) == _checksum(source)
            after = os.stat(name, dir_fd=here, follow_symlinks=False)
        if not same or not _is_same(before, after):
            raise SourceChanged("It changed while it was moved.", which=name)
        os.rename(partial, goal, src_dir_fd=there, dst_dir_fd=there)
        os.fsync(there)
    except BaseException:
        _give_back(there, goal, taken)
        with suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=there)
        raise


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    fields = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    return all(getattr(before, field) == getattr(after, field) for field in fields)


def _write(source: int, there: int, partial: str, like: os.stat_result) -> None:
    copy = os.open(partial, NEW | os.O_TRUNC, 0o600, dir_fd=there)
    try:
        while data := memoryview(os.read(source, CHUNK)):
            while data:
                data = data[os.write(copy, data) :]
        with suppress(OSError):  # of a share that keeps no modes
            os.fchmod(copy, like.st_mode & 0o7777)
        os.utime(copy, ns=(like.st_atime_ns, like.st_mtime_ns))
        os.fsync(copy)
        # Compared is what the disk holds, as far as the system can be asked.
        os.posix_fadvise(copy, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(copy)


@contextmanager
def _opened(folder: int, name: str) -> Iterator[int]:
    descriptor = os.open(name, FILE, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _checksum(descriptor: int) -> bytes:
    checksum = hashlib.sha256()
    while data := os.read(descriptor, CHUNK):
        checksum.update(data)
    return checksum.digest()
