"""Puts what the operating system says of a source into the courier's words, for all who look at or read one."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from flows.core.errors import SourceAway, SourceError, SourceMissing, SourceUnreadable

_AWAY = frozenset(
    {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN, errno.EREMOTEIO}
)
"""What the operating system says when a network share or a disk has gone."""


def source_error(failed: OSError, which: str) -> SourceError:
    """Put into the courier's words why a source could not be looked at or read."""
    if isinstance(failed, FileNotFoundError | NotADirectoryError):
        return SourceMissing(which=which)
    if isinstance(failed, PermissionError):
        return SourceUnreadable(which=which)
    if failed.errno in _AWAY:
        return SourceAway(which=which)
    if failed.errno == errno.ELOOP:
        return SourceUnreadable("Its links lead in a circle.", which=which, advice="Name the file itself.")
    return SourceUnreadable(f"The file cannot be read: {failed.strerror}.", which=which)


@contextmanager
def told_of(which: str) -> Iterator[None]:
    """Turn what fails in here into an error about the source `which`.

    Raises:
        SourceError: it is not there, may not be read, or its share does not answer.
    """
    try:
        yield
    except OSError as failed:
        raise source_error(failed, which) from failed


def read_beginning(which: str, real_path: str, most: int, *, advice: str) -> bytes:
    """Read the first `most` bytes of a file; a pipe of that name is not waited for, and a link not followed.

    Args:
        which: the file, as it was named.
        real_path: links resolved: what is opened.
        most: as many bytes are returned at most.
        advice: what to do when it is no file.

    Raises:
        SourceError: it is not there, cannot be read, is no file, or its share does not answer.
    """
    with told_of(which):
        handle = os.open(real_path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SourceUnreadable("It is no file.", which=which, advice=advice)
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(most)
        finally:
            os.close(handle)


def as_shown(name: str) -> str:
    """Return a name that is no UTF-8 with a mark in place of what nobody can read."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
