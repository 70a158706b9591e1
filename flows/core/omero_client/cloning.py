"""Copies one open file into another: shared blocks where the file system has them, else in the kernel, else by hand."""

import errno
import fcntl
import os
from collections.abc import Callable

FICLONE = 0x40049409
"""linux/fs.h: has a file share the blocks of another, at once."""
STEP = 64 * 1024 * 1024
"""Bytes of one copy in the kernel; file systems that share blocks want whole ones."""
BY_HAND = 4 * 1024 * 1024
_CANNOT = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.EBADF})
"""What the system says where files cannot share blocks, or it does not copy between these two."""

Passed = Callable[[int], None]


def copy(source: int, goal: int, size: int, passed: Passed) -> None:
    """Copy `size` bytes from the beginning of one file to the beginning of another; positions stay where they are.

    Args:
        source: descriptor of what is copied.
        goal: descriptor of an empty file.
        size: bytes of the source.
        passed: told of the bytes of each step.

    Raises:
        OSError: it cannot be read, or not be written.
    """
    if not size:
        return
    if clone(source, goal):
        passed(size)
        return
    done = 0
    while done < size and (count := _in_kernel(source, goal, done, size)):
        done += count
        passed(count)
    while done < size and (data := os.pread(source, min(BY_HAND, size - done), done)):
        written = os.pwrite(goal, data, done)
        done += written
        passed(written)


def clone(source: int, goal: int) -> bool:
    """Have the goal share the blocks of the source; whether this file system can (XFS, Btrfs, some others)."""
    try:
        fcntl.ioctl(goal, FICLONE, source)
    except OSError as failed:
        if failed.errno not in _CANNOT:
            raise
        return False
    return True


def _in_kernel(source: int, goal: int, done: int, size: int) -> int:
    try:
        return os.copy_file_range(source, goal, min(STEP, size - done), done, done)
    except OSError as failed:
        if failed.errno not in _CANNOT:
            raise
        return 0
