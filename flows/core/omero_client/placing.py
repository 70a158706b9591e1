"""Puts the files of a fileset into OMERO's repository without an upload: linked or copied to where it would write them.

The steps are those of OMERO's own importer (omero-blitz: importer.transfers.AbstractExecFileTransfer): what this
machine takes for the repository is proved to be it by a text that OMERO writes and this machine reads; the file takes
the place of that text; OMERO is asked for its size, and to hash it; both checksums are compared as after an upload.
"""

import errno
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import Ice
import omero
from omero.rtypes import unwrap

from flows.core.checksums import new_hash
from flows.core.errors import NotPlaced, SourceChanged
from flows.core.omero_client.cloning import copy
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.placing_words import not_here, told_of_placing
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.store import milliseconds_for
from flows.core.omero_client.upload import CHUNK, Upload, Watcher, opened
from flows.core.requests import Placement, StagedFile, StagedFileset
from flows.core.settings import Checksum

READING = {"omero.fs.mode": "r"}
"""The context in which an uploader is opened that only reads (omero-blitz: ManagedImportProcessI.getUploader)."""
SEEN_WITHIN = 60.0
"""Seconds until a file that OMERO wrote is seen on a share: NFS clients remember for so long that there was none."""
LOOK = 0.5
"""Seconds between two looks."""


class Placing(Upload):
    """The placement of one fileset into one import process of OMERO: an upload of which no byte goes over the wire."""

    def __init__(
        self,
        session: OmeroSession,
        process: Any,
        staged: StagedFileset,
        algorithm: Checksum,
        watcher: Watcher,
        *,
        placement: Placement,
        fileset_id: int,
    ) -> None:
        """Note what goes where; nothing is asked of OMERO yet."""
        super().__init__(session, process, staged, algorithm, watcher)
        self._placement = placement
        self._fileset_id = fileset_id
        self._repository = Path()
        self._names: dict[int, str] = {}

    def run(self) -> list[str]:
        """Place all files, and return their checksums in order.

        Raises:
            NotPlaced: the repository is not seen here, or the file cannot get into it, or OMERO cannot read it there.
            SourceChanged: a file is not what was verified or staged.
            SourceUnreadable: a file cannot be read any more.
            OmeroError: OMERO did not take it.
            ImportCancelled: the watcher said so.
        """
        if self._staged.staged and self._placement.is_link:
            raise NotPlaced("It was copied first, and OMERO would link to a copy that is removed soon.")
        with speaking_to(self._session.server.host, doing="asking where its repository is"):
            self._repository = repository_of(self._session)
            names = self._session.rows(
                "select o.id, o.path, o.name from FilesetEntry e join e.originalFile o where e.fileset.id = :fileset",
                fileset=self._fileset_id,
            )
        self._names = {number: f"{path.strip('/')}/{name}" for number, path, name in names}
        return super().run()

    def _send(self, index: int) -> Callable[[], None]:
        """Place one file, and return what waits until OMERO has hashed it."""
        file = self._staged.files[index]
        self._check()
        with self._speaking(file):
            writer = self._process.getUploader(index)
            location = self._repository / self._names[int(unwrap(writer.getFileId()))]
        self._prove(writer, location, file)
        with opened(file) as source:
            before = self._state(source, file)
            self._put(source, location, file)
            try:
                hashed = self._have_hashed(index, file)
                self._checksums[index] = self._hash(source, file)
                if self._state(source, file) != before:
                    raise SourceChanged("The file changed since it was checked.", which=file.client_path)
            except BaseException:
                with suppress(OSError):
                    location.unlink()
                raise
        return hashed

    def _prove(self, writer: Any, location: Path, file: StagedFile) -> None:
        """See that what lies there is OMERO's repository, and that files may be put there; leave nothing there."""
        if os.path.lexists(location):
            raise NotPlaced(f"There is something at {location} already.", which=file.client_path)
        # OMERO keeps the checksum of a text that happens to be as long as the file that takes its place.
        sign = str(uuid.uuid4()).encode()
        sign += b"." * (len(sign) == file.size)
        with self._speaking(file):
            writer.write(sign, 0, len(sign))
            writer.close()
        with told_of_placing(location, file, self._placement):
            seen = _read(location, self._check)
            if seen != sign:
                raise not_here(location, file, is_another=seen is not None)
            if not os.access(location, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            location.unlink()

    def _put(self, source: FileIO, location: Path, file: StagedFile) -> None:
        with told_of_placing(location, file, self._placement):
            match self._placement:
                case Placement.LN_S:
                    location.symlink_to(file.path)
                case Placement.LN:
                    self._link(source, location, file)
                case _:
                    self._copy(source, location, file)

    def _link(self, source: FileIO, location: Path, file: StagedFile) -> None:
        os.link(file.path, location, follow_symlinks=False)
        if not os.path.samestat(os.fstat(source.fileno()), location.lstat()):
            location.unlink()
            raise SourceChanged("Another file has taken its place.", which=file.client_path)

    def _copy(self, source: FileIO, location: Path, file: StagedFile) -> None:
        done = told = 0

        def passed(count: int) -> None:
            # Each byte counts twice: copied, and read for its checksum.
            nonlocal done, told
            self._check()
            done += count
            self._watcher.sent(done // 2 - told)
            told = done // 2

        goal = os.open(location, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            copy(source.fileno(), goal, file.size, passed)
            os.fsync(goal)
            if os.fstat(goal).st_size != file.size:
                raise SourceChanged("The file changed while it was copied.", which=file.client_path)
        except BaseException:
            with suppress(OSError):
                location.unlink()
            raise
        finally:
            os.close(goal)

    def _have_hashed(self, index: int, file: StagedFile) -> Callable[[], None]:
        """Have OMERO see the file and begin to hash it; return what waits for that."""
        with self._speaking(file):
            reader = self._process.getUploader(index, READING)
            try:
                seen = _size_seen_by(reader, file)
                if seen != file.size:
                    raise NotPlaced(
                        f"OMERO sees {seen:,} bytes where this machine sees {file.size:,}.", which=file.client_path
                    )
                patient = reader.ice_invocationTimeout(milliseconds_for(self._session.server, file.size))
                pending = patient.begin_save()
            except NotPlaced:
                with suppress(Ice.Exception):
                    reader.close()
                raise

        def wait() -> None:
            with self._speaking(file):
                patient.end_save(pending)
                reader.close()

        return wait

    def _hash(self, source: FileIO, file: StagedFile) -> str:
        checksum, done, told = new_hash(self._algorithm), 0, 0
        left = file.size - (file.size // 2 if self._placement is Placement.CP else 0)
        buffer = memoryview(bytearray(min(CHUNK, max(file.size, 1))))
        while count := source.readinto(buffer):
            self._check()
            checksum.update(buffer[:count])
            done += count
            self._watcher.sent(done * left // file.size - told)
            told = done * left // file.size
        return self._agreed(file, checksum)


def repository_of(session: OmeroSession) -> Path:
    """Return where this machine should see the managed repository: where the settings say, else where OMERO has it.

    Raises:
        Ice.Exception: OMERO does not say.
    """
    if (here := session.server.in_place.repository) is not None:
        return here
    root = session.repository.root()
    return Path(str(unwrap(root.path)), str(unwrap(root.name)))


def _read(location: Path, check: Callable[[], None]) -> bytes | None:
    """Return what lies there, once it is seen; None where it never is."""
    until = time.monotonic() + SEEN_WITHIN
    while True:
        try:
            with location.open("rb") as text:
                return text.read(100)
        except FileNotFoundError:
            # Where the folder that OMERO has just made is missing too, this is no slow share.
            if not location.parent.is_dir() or time.monotonic() > until:
                return None
        check()
        time.sleep(LOOK)


def _size_seen_by(reader: Any, file: StagedFile) -> int:
    """Return how long a file is as OMERO sees it.

    Raises:
        NotPlaced: it cannot read it.
        Ice.Exception: OMERO is away, busy, or has ended the session.
    """
    try:
        return int(reader.size())
    except (omero.SessionException, omero.ConcurrencyException):
        raise
    except omero.ServerError as refused:
        raise NotPlaced(
            f"OMERO's server cannot read it: {refused.message}",
            which=file.client_path,
            advice="Its account needs to reach this path, by the same name, and to read it; or use upload.",
        ) from refused
