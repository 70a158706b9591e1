"""Sends the files of a fileset into OMERO's repository: several side by side, each hashed while it is on the wire."""

import os
import posixpath
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from typing import Any, Protocol

from flows.core.checksums import Hash, new_hash
from flows.core.disk import told_of
from flows.core.errors import CourierError, ImportCancelled, SourceChanged
from flows.core.omero_client.faults import means_lost, speaking_to
from flows.core.omero_client.session import UPLOADS, OmeroSession
from flows.core.omero_client.store import Store
from flows.core.requests import StagedFile, StagedFileset
from flows.core.settings import Checksum

CHUNK = 8 * 1024 * 1024
"""Bytes per write: smaller ones wait too often, larger ones fall out of the processor's caches."""
SLOT_WAIT = 0.5
"""Seconds between two looks at whether the upload is still wanted, while other files hold all slots."""


class Watcher(Protocol):
    """Follows an upload, and may stop it. Asked from several threads."""

    def sent(self, count: int) -> None:
        """OMERO has taken `count` further bytes."""

    def check(self) -> None:
        """Raise what ends the upload."""

    def pace(self, count: int) -> None:
        """Wait until `count` bytes may be sent."""


class _Stopped(ImportCancelled):
    """Another file of the fileset failed."""


class Upload:
    """The upload of one fileset into one import process of OMERO."""

    def __init__(
        self, session: OmeroSession, process: Any, staged: StagedFileset, algorithm: Checksum, watcher: Watcher
    ) -> None:
        """Note what goes where; nothing is sent yet."""
        self._session = session
        self._process = process
        self._staged = staged
        self._algorithm = algorithm
        self._watcher = watcher
        self._checksums = [""] * len(staged.files)
        self._times = {each.client_path: each.mtime_ns for each in staged.fileset.files}
        self._failed = threading.Event()
        self._waiting = iter(range(len(staged.files)))
        self._taking = threading.Lock()

    def run(self) -> list[str]:
        """Send all files, and return their checksums in order.

        Raises:
            SourceChanged: a file is not what was verified or staged.
            SourceUnreadable: a file cannot be read any more.
            OmeroError: OMERO did not take it.
            ImportCancelled: the watcher said so.
        """
        workers = min(len(self._staged.files), UPLOADS)
        if workers == 1:
            self._work()
            return self._checksums
        with ThreadPoolExecutor(workers, "upload") as pool:
            running = [pool.submit(self._work) for _ in range(workers)]
        errors = [error for each in running if (error := each.exception()) is not None]
        if errors:
            raise min(errors, key=lambda error: isinstance(error, _Stopped))
        return self._checksums

    def _work(self) -> None:
        """Send one file after another; while one is sent, OMERO closes the one before."""
        closed: Callable[[], None] = lambda: None  # noqa: E731
        try:
            for index in self._indices():
                with self._slot():
                    closing = self._send(index)
                closed()
                closed = closing
            closed()
        except BaseException:
            self._failed.set()
            raise

    def _indices(self) -> Iterator[int]:
        while True:
            with self._taking:
                index = next(self._waiting, None)
            if index is None:
                return
            yield index

    @contextmanager
    def _slot(self) -> Iterator[None]:
        slots = self._session.upload_slots
        while not slots.acquire(timeout=SLOT_WAIT):
            self._check()
        try:
            yield
        finally:
            slots.release()

    def _check(self) -> None:
        if self._failed.is_set():
            raise _Stopped
        self._watcher.check()

    def _send(self, index: int) -> Callable[[], None]:
        """Send one file, and return what waits until OMERO has closed it."""
        file = self._staged.files[index]
        with self._speaking(file):
            store = Store(self._session.server, self._process.getUploader(index), self._watcher.sent)
        try:
            with self._speaking(file):
                self._checksums[index] = self._pump(file, store)
                closed = store.begin_close()
        except CourierError as error:
            if not means_lost(error):
                store.abandon()
            raise

        def wait() -> None:
            with self._speaking(file):
                closed()

        return wait

    def _pump(self, file: StagedFile, store: Store) -> str:
        checksum = new_hash(self._algorithm)
        with opened(file) as source:
            before = self._state(source, file)
            buffer = memoryview(bytearray(min(CHUNK, max(file.size, 1))))
            while count := source.readinto(buffer):
                self._check()
                self._watcher.pace(count)
                store.put(buffer[:count])
                checksum.update(buffer[:count])
            store.settle()
            if store.offset != file.size or self._state(source, file) != before:
                raise _changed(file)
        return self._agreed(file, checksum)

    def _state(self, source: FileIO, file: StagedFile) -> tuple[int, int]:
        """Return size and time of the file, when they are still those that were verified."""
        now = os.fstat(source.fileno())
        as_verified = self._staged.staged or self._times.get(file.client_path, now.st_mtime_ns) == now.st_mtime_ns
        if now.st_size != file.size or not as_verified:
            raise _changed(file)
        return now.st_size, now.st_mtime_ns

    def _agreed(self, file: StagedFile, checksum: Hash) -> str:
        value = checksum.hexdigest()
        if self._algorithm == "SHA1-160" and file.sha1 not in (None, value):
            raise _changed(file)
        return value

    def _speaking(self, file: StagedFile) -> Any:
        return speaking_to(self._session.server.host, doing=f"uploading {posixpath.basename(file.client_path)}")


@contextmanager
def opened(file: StagedFile) -> Iterator[FileIO]:
    """Open what was verified, unbuffered: a link that took its place since is not followed."""

    def without_links(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW)

    with told_of(file.client_path), open(file.path, "rb", buffering=0, opener=without_links) as source:
        yield source


def _changed(file: StagedFile) -> SourceChanged:
    return SourceChanged("The file changed since it was checked.", which=file.client_path)
