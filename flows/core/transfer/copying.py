"""Copies one file in a single pass: read, hash and write overlap, memory stays flat, and a broken-off copy goes on."""

import fcntl
import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from io import FileIO
from pathlib import Path

from flows.core.errors import CopyDiffers, SourceChanged, StagingFailed
from flows.core.remotes import Store
from flows.core.requests import SourceFile
from flows.core.transfer.area import Place, stamp, told_of_staging
from flows.core.transfer.reading import Hash, Reading, reading

CHUNK = 4 * 1024 * 1024
"""Bytes between two looks at whether the import is still wanted."""
_BUFFERS = 4
"""Chunks in memory: one is written while those before are hashed."""
_WRITE = 256 * 1024
"""Bytes per write, as with cp and rsync. Matters on virtual machines that give free memory back (docs/bench.md)."""
_AHEAD = 32 * 1024 * 1024
"""Bytes after which the disk is set to work: the sync at the end then waits for little."""

Passed = Callable[[int], None]
"""Called with the bytes of this file that are done; raises to stop."""
Pace = Callable[[int], None]
"""Called with the bytes that are to be read next; waits until they may be, or raises to stop."""


class _Pipe:
    """Hashes chunks in a second thread, in order, while the caller goes on; its buffers are used again and again."""

    def __init__(self, hasher: ThreadPoolExecutor, further: Hash | None) -> None:
        self._hasher, self._further = hasher, further
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._free = [memoryview(bytearray(CHUNK)) for _ in range(_BUFFERS)]
        self._busy: deque[tuple[memoryview, Future[None]]] = deque()

    def buffer(self) -> memoryview:
        """Return a buffer that nobody reads any more."""
        if self._free:
            return self._free.pop()
        buffer, hashed = self._busy.popleft()
        hashed.result()
        return buffer

    def hash(self, buffer: memoryview, length: int) -> None:
        """Take a filled buffer over; it may still be read by the caller until it asks for the next one."""
        self._busy.append((buffer, self._hasher.submit(self._update, buffer[:length])))

    def _update(self, data: memoryview) -> None:
        self._sha1.update(data)
        if self._further is not None:
            self._further.update(data)

    def hexdigest(self) -> str:
        """Return the checksum of all that was hashed."""
        for _, hashed in self._busy:
            hashed.result()
        return self._sha1.hexdigest()


def copy_file(file: SourceFile, place: Place, passed: Passed, pace: Pace, store: Store | None = None) -> str:
    """Make the copy, or finish or find an earlier one, and return its SHA-1 in hex.

    A source on another machine is reached by `store`.

    Raises:
        SourceChanged: the source is not, or no longer, what was verified; the copy is thrown away.
        CopyDiffers: the bytes are not those that the machine that holds the source speaks of; likewise.
        SourceError: the source cannot be read.
        StagingFull, StagingFailed: the copy cannot be written; what is there is kept for the next attempt.
    """
    source = reading(file, store)
    with closing(source), ThreadPoolExecutor(1, "hash") as hasher:
        source.check_unchanged()
        pipe = _Pipe(hasher, source.further)
        if _is_finished(file, place.final):
            _hash_again(place.final, pipe, passed)
            return pipe.hexdigest()
        _drop_outdated(file, place, keep=source.is_ranged)
        try:
            _copy(file, source, place.partial, pipe, passed=passed, pace=pace)
            source.check_unchanged()
            digest = pipe.hexdigest()
            source.check_copied()
        except (SourceChanged, CopyDiffers):
            place.partial.unlink(missing_ok=True)
            raise
    _publish(file, place)
    return digest


def _is_finished(file: SourceFile, final: Path) -> bool:
    """Say whether the copy was made before: a copy gets its source's time just before it gets its name."""
    with told_of_staging(final):
        try:
            look = final.stat()
            return (look.st_size, look.st_mtime_ns) == (file.size, stamp(file))
        except (FileNotFoundError, NotADirectoryError):
            return False


def _hash_again(path: Path, pipe: _Pipe, passed: Passed) -> int:
    """Hash what is there already, and return how much that is."""
    done = 0
    with told_of_staging(path), FileIO(path) as copy:
        there = os.fstat(copy.fileno()).st_size
        while done < there:
            buffer = pipe.buffer()
            length = copy.readinto(buffer)
            pipe.hash(buffer, length)
            done += length
            passed(done)
    return done


def _drop_outdated(file: SourceFile, place: Place, *, keep: bool) -> None:
    """Remove copies of this file that were begun from an earlier state of its source, or, unless `keep`, at all."""
    with told_of_staging(place.partial):
        place.partial.parent.mkdir(parents=True, exist_ok=True)
        number = place.partial.name.partition(".")[0]
        for other in place.partial.parent.glob(f"{number}.*"):
            if not keep or other != place.partial or other.stat().st_size > file.size:
                other.unlink()


def _copy(file: SourceFile, source: Reading, partial: Path, pipe: _Pipe, *, passed: Passed, pace: Pace) -> None:
    with told_of_staging(partial), FileIO(partial, "ab") as copy:
        _keep_others_out(copy, partial)
        done = _hash_again(partial, pipe, passed)
        if done < file.size:
            source.start(done)
        while done < file.size:
            buffer = pipe.buffer()
            pace(min(len(buffer), file.size - done))
            length = source.readinto(buffer[: file.size - done])
            pipe.hash(buffer, length)
            _write(copy, buffer[:length])
            done += length
            if done % _AHEAD < length:
                # Linux begins to write these pages. A few leave memory, and the import reads them from disk.
                os.posix_fadvise(copy.fileno(), done - _AHEAD, _AHEAD, os.POSIX_FADV_DONTNEED)
            passed(done)
        os.fsync(copy.fileno())


def _keep_others_out(copy: FileIO, partial: Path) -> None:
    """Lock the copy as long as it is open: an attempt that was given up may still be alive and writing."""
    try:
        fcntl.flock(copy, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise StagingFailed(
            "An earlier attempt is still writing this copy.", which=str(partial), advice="It is tried again."
        ) from held


def _write(copy: FileIO, data: memoryview) -> None:
    while data:
        data = data[copy.write(data[:_WRITE]) :]


def _publish(file: SourceFile, place: Place) -> None:
    """Give a complete copy its name, for good."""
    with told_of_staging(place.final):
        place.final.parent.mkdir(parents=True, exist_ok=True)
        os.utime(place.partial, ns=(stamp(file), stamp(file)))
        place.partial.replace(place.final)
        folder = os.open(place.final.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
