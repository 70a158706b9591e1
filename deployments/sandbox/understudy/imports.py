"""One import: taking the bytes of each file, comparing checksums, and handing over to processing.

Source: omero-blitz ManagedImportProcessI, ome.services.scheduler.ThreadPool.
"""

import threading
import uuid
from dataclasses import dataclass
from typing import Any

import Ice
import omero
import omero.api
import omero.cmd
import omero.grid
import omero.model

from deployments.sandbox.understudy.filestore import FileStore
from deployments.sandbox.understudy.handles import Handle
from deployments.sandbox.understudy.house import Call, House, SessionService
from deployments.sandbox.understudy.processing import Processing
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.saving import Saver
from deployments.sandbox.understudy.sessions import Session


@dataclass(frozen=True)
class Begun:
    """What `importFileset` was asked, and has made."""

    fileset: Ref
    settings: Any
    location: Any
    context: dict[str, str]
    """The call's; it holds for all that follows."""


class ImportProcess(SessionService):
    """Stays open until closed, so that a failed upload can be repaired or resumed within the session."""

    def __init__(self, house: House, session: Session, begun: Begun) -> None:
        super().__init__(house, session)
        self.fileset = begun.fileset
        self._begun = begun
        self._name = f"ImportProcess-{uuid.uuid4()}"
        self._uploaders: dict[int, tuple[Any, FileStore]] = {}
        self._handle: Handle | None = None
        self._lock = threading.Lock()
        proxy = house.registry.publish(session.uuid, self._name, omero.grid.ImportProcess, self)
        self.proxy = omero.grid.ImportProcessPrx.uncheckedCast(proxy)
        house.begun_imports.append(self)

    def _entries(self) -> list[Row]:
        return self.house.database.pointing_at(self.fileset, "FilesetEntry", "fileset")

    def _files(self) -> list[Row]:
        refs = [entry.get("originalFile") for entry in self._entries()]
        return [row for ref in refs if isinstance(ref, Ref) and (row := self.house.database.get(ref))]

    def getUploader(self, index: int, current: Any) -> Any:  # noqa: N802
        """The store of a file; the same one while it is open."""
        with self._lock:
            proxy, store = self._uploaders.get(index, (None, None))
            if store is None or store.closed:
                proxy, store = self._uploaders[index] = self._open(index, current.ctx.get("omero.fs.mode", "rw"))
            return proxy

    def _open(self, index: int, mode: str) -> tuple[Any, FileStore]:
        files = self._files()
        if not 0 <= index < len(files):
            raise refusal(omero.InternalException, f"Index {index} out of bounds for length {len(files)}")
        name = f"omero.api.RawFileStore-{uuid.uuid4()}"
        store = FileStore(self.house, self.session, name, writable="w" in mode)
        store.use(files[index])
        proxy = self.house.registry.publish(self.session.uuid, name, omero.api.RawFileStore, store)
        return omero.api.RawFileStorePrx.uncheckedCast(proxy), store

    def getUploadOffset(self, index: int, _current: Any) -> Any:  # noqa: N802
        """The end of the last write; 0 once the store was closed."""
        _, store = self._uploaders.get(index, (None, None))
        return store.offset if store and not store.closed else 0

    def getImportSettings(self, _current: Any) -> Any:  # noqa: N802
        """As the client sent them."""
        return self._begun.settings

    def getHandle(self, _current: Any) -> Any:  # noqa: N802
        """The processing, once it was started."""
        return self._handle.proxy if self._handle else None

    def verifyUpload(self, hashes: Any, _current: Any) -> Any:  # noqa: N802
        """Compare checksums, then process; waits for a background thread, as OMERO does, before it answers."""
        self._compare(hashes)
        self._finish_upload()
        faults, options = self.house.faults, self.house.options
        faults.import_waits(+1)
        got_thread = self.house.background.acquire(timeout=options.background_timeout / 1000)
        faults.import_waits(-1)
        if not got_thread:
            message = f"Failed to execute the import after {options.background_timeout}ms"
            raise refusal(omero.InternalException, message)
        try:
            self._handle = self._process()
        except Ice.Exception:
            self.house.background.release()
            raise
        self._handle.start(afterwards=self.house.background.release)
        return self._handle.proxy

    def _process(self) -> Handle:
        # The session may have ended while this waited for its turn.
        self.house.sessions.use(self.session)
        call = Call(self.house, self.session, self._begun.context)
        work = Processing(self.house, self.session, call, self.fileset, self._begun.settings)
        handle = Handle(self.house, self.session, self._request(), work)
        work.check = handle.check
        return handle

    def _compare(self, hashes: list[str] | None) -> None:
        files = self._files()
        if hashes is None:
            raise refusal(omero.ApiUsageException, "hashes list cannot be null")
        if len(hashes) != len(files):
            raise refusal(omero.ApiUsageException, f"hashes size should be {len(files)} not {len(hashes)}")
        pairs = enumerate(zip(files, hashes, strict=True))
        failing = {index: str(file.get("hash") or "") for index, (file, sent) in pairs if file.get("hash") != sent}
        if failing:
            mismatch = refusal(omero.ChecksumValidationException, "A checksum mismatch has occurred.")
            mismatch.failingChecksums = failing
            raise mismatch

    def _finish_upload(self) -> None:
        link = self.house.database.pointing_at(self.fileset, "FilesetJobLink", "parent")[0]
        finished = self.house.enumeration("JobStatus", "Finished")
        access = Call(self.house, self.session, self._begun.context).access
        with self.house.database.transaction() as transaction:
            job = transaction.get(link.values["child"])  # type: ignore[arg-type]
            if job:
                Saver(transaction, access).change(job, status=finished, message="Finished")

    def _request(self) -> Any:
        request = omero.grid.ImportRequest()
        request.clientUuid = str(uuid.uuid4())
        request.repoUuid = self.house.config["understudy.repository.uuid"]
        request.process, request.settings, request.location = self.proxy, self._begun.settings, self._begun.location
        request.activity = omero.model.FilesetJobLinkI()
        request.activity.parent = omero.model.FilesetI(self.fileset.id, False)
        return request

    def close(self, _current: Any) -> None:
        """Forget the process; a running import goes on."""
        self.house.registry.withdraw(self.session.uuid, self._name)
