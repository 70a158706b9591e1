"""Imports one fileset through OMERO's managed repository: begun under a lock where need be, then uploaded and awaited.

Several threads may import over one session. Whatever goes wrong, nothing half-made stays behind, as far as OMERO can
still be asked; `find_earlier` clears what could not be cleared then.
"""

import logging
import posixpath
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omero.rtypes import unwrap

from flows.core.control import Control, Stage
from flows.core.errors import CourierError, DuplicateUnderWay, OmeroFault
from flows.core.omero_client.annotations import RUN, ImportDetails, annotations_for, record_provenance
from flows.core.omero_client.commands import ask_patiently, delete_filesets, refusal_in, wait_for
from flows.core.omero_client.faults import failure_of_answer, means_lost, speaking_to
from flows.core.omero_client.holdings import NOTHING, Holding, holdings, links_to, plates_of, unreadable
from flows.core.omero_client.orders import import_settings, new_fileset, repository_path
from flows.core.omero_client.placing import Placing
from flows.core.omero_client.processes import stop
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.store import milliseconds_for
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.omero_client.upload import Upload
from flows.core.requests import ImportedFileset, Placement, StagedFileset
from flows.core.settings import Checksum

log = logging.getLogger(__name__)

ICE_LONGEST = 2**31 - 1
"""Milliseconds: the longest time-out of a call."""


def import_fileset(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    target: ResolvedTarget | None,
    details: ImportDetails,
    control: Control,
    run_key: str,
    placement: Placement = Placement.UPLOAD,
) -> ImportedFileset:
    """Upload a fileset, have OMERO import it, and read its images back: `begin_import`, then `finish`.

    Args:
        session: of the user who will own the images, in the group that they go into.
        staged: the files.
        target: the dataset or screen, or None for images without one.
        details: what is to be said of the images.
        control: told of the bytes, and asked on every chunk whether to go on.
        run_key: `<run id>/<fileset key>`, by which a later attempt finds this one.
        placement: how the bytes get into OMERO's repository.

    Raises:
        NotPlaced: they do not get there in that way.
        ImportRefused: OMERO cannot read the files.
        SourceChanged: a file is not what was verified or staged.
        NotPermitted: the user may not do that there.
        ImportCancelled: `control` said so.
        OmeroError: anything else that OMERO did not do.
    """
    begun = begin_import(session, staged, target=target, details=details, run_key=run_key, placement=placement)
    return begun.finish(control)


def begin_import(
    session: OmeroSession,
    staged: StagedFileset,
    *,
    target: ResolvedTarget | None,
    details: ImportDetails,
    run_key: str,
    placement: Placement = Placement.UPLOAD,
) -> "BegunImport":
    """Create a fileset in OMERO, with its marks, before its first byte; from now on everybody can find it.

    What was looked up, and this, stand under one lock; the upload does not. Arguments are those of `import_fileset`.

    Raises:
        DuplicateUnderWay: another attempt has begun the same meanwhile, without that lock; this one has left nothing.
        TargetNotFound: an annotation that should be linked is not there.
        NotPermitted: the user may not do that there.
        OmeroError: anything else that OMERO did not do.
    """
    session.keep_alive()
    nonce = str(uuid.uuid4())
    with speaking_to(session.server.host, doing="preparing an import"):
        asked = import_settings(session, target, details, annotations_for(session, details))
        process = session.repository.importFileset(new_fileset(staged, run_key, nonce, placement), asked)
        own, others = _under_the_key(session, run_key, nonce)
    algorithm: Checksum = unwrap(asked.checksumAlgorithm.value)
    begun = BegunImport(
        session, staged, process, algorithm, fileset_id=own, run_key=run_key, target=target, placement=placement
    )
    if any(other < own for other in others):
        begun.abandon()
        raise DuplicateUnderWay("Another attempt of this import has begun with the same files.")
    return begun


def _under_the_key(session: OmeroSession, run_key: str, nonce: str) -> tuple[int, list[int]]:
    """Return the fileset of this nonce, and all others of the key."""
    comments = dict(
        session.rows(
            "select a.id, a.description from CommentAnnotation a where a.ns = :namespace and a.textValue = :text",
            namespace=RUN,
            text=run_key,
        )
    )
    nonces = {fileset: comments[comment] for fileset, comment in links_to(session, "Fileset", comments)}
    own = [fileset for fileset, its in nonces.items() if its == nonce]
    if not own:
        raise OmeroFault("OMERO does not hold the fileset that it has just made.")
    return own[0], [fileset for fileset, its in nonces.items() if its != nonce]


class BegunImport:
    """A fileset that OMERO holds, yet without bytes: to be finished or abandoned, once."""

    def __init__(
        self,
        session: OmeroSession,
        staged: StagedFileset,
        process: Any,
        algorithm: Checksum,
        *,
        fileset_id: int,
        run_key: str,
        target: ResolvedTarget | None,
        placement: Placement = Placement.UPLOAD,
    ) -> None:
        """Note what its steps share."""
        self._placement = placement
        self.fileset_id = fileset_id
        self._session = session
        self._staged = staged
        self._process = process
        self._algorithm = algorithm
        self._run_key = run_key
        self._target = target
        self._key = staged.fileset.key
        self._total = sum(file.size for file in staged.files)
        self._done = 0
        self._counting = threading.Lock()
        self._control: Control

    def finish(self, control: Control) -> ImportedFileset:
        """Upload the bytes, have OMERO import them, and read the images back. Fails as `import_fileset` says."""
        self._control = control
        try:
            imported = self._read_back(promised=self._run())
        except CourierError as error:
            if not means_lost(error):
                self._clear()
            raise
        if self._target is None:
            return imported
        return imported.model_copy(update={"target_kind": self._target.kind, "target_id": self._target.id})

    def abandon(self) -> None:
        """Leave nothing of it, as far as OMERO can still be asked."""
        self._quietly(self._process.close, "closing the import")
        self._clear()

    def _run(self) -> int:
        """Return how many images OMERO says that it has made."""
        session = self._session
        self._control.moved(self._key, Stage.UPLOAD, 0, self._total)
        # Closed not before the answer is in: until then a later attempt can find the process.
        with self._closed_after(self._process, "closing the import"):
            checksums = self._bytes_into_omero()
            with speaking_to(session.server.host, doing="checking the upload"):
                patient = self._process.ice_invocationTimeout(self._patience())
                handle = ask_patiently(session, patient.begin_verifyUpload, checksums, check=self._control.check)
            return self._wait(handle)

    def _bytes_into_omero(self) -> list[str]:
        """Return the checksums of the files, once OMERO has them."""
        what = (self._session, self._process, self._staged, self._algorithm, self)
        if self._placement is Placement.UPLOAD:
            return Upload(*what).run()
        return Placing(*what, placement=self._placement, fileset_id=self.fileset_id).run()

    def sent(self, count: int) -> None:
        """Hear that OMERO has taken further bytes."""
        with self._counting:
            self._done += count
            self._control.moved(self._key, Stage.UPLOAD, self._done, self._total)

    def check(self) -> None:
        """Ask whether to go on."""
        self._control.check()

    def pace(self, count: int) -> None:
        """Wait until so many bytes may be sent."""
        self._control.pace(count)

    def _patience(self) -> int:
        """Return how long OMERO may take to start the import, in milliseconds.

        It answers only when it has a place for it (omero-server: ThreadPool.background, an hour as shipped).
        """
        longest = int(self._session.server.import_timeout * 1000)
        return min(max(milliseconds_for(self._session.server, self._total), longest), ICE_LONGEST)

    def _wait(self, handle: Any) -> int:
        self._control.moved(self._key, Stage.IMPORT, 0, self._total)
        server = self._session.server
        with self._closed_after(handle, "closing the import's handle"):
            try:
                with speaking_to(server.host, doing="waiting for the import"):
                    response = wait_for(
                        self._session,
                        handle,
                        timeout=server.import_timeout,
                        check=self._control.check,
                        moved=self._stepped,
                    )
            except CourierError as error:
                if not means_lost(error):
                    # Deleting under a running import may lose against it.
                    self._quietly(lambda: stop(self._session, handle), "cancelling the import")
                raise
        if refusal := refusal_in(response):
            raise failure_of_answer(refusal, doing=f"importing at {server.host}")
        return len(response.pixels or ())

    def _stepped(self, complete: int, total: int) -> None:
        self._control.moved(self._key, Stage.IMPORT, self._total * complete // max(total, 1), self._total)

    def _read_back(self, *, promised: int) -> ImportedFileset:
        """Return the fileset as OMERO holds it, its images counted and read; see that they say where they came from."""
        session = self._session
        with speaking_to(session.server.host, doing="reading the images back"):
            held = read_back(session, self.fileset_id, promised=promised)
            record_provenance(session, self.fileset_id, self._run_key, [each.id for each in held.images])
            asked = self._target is not None and self._target.kind == "Screen"
            may_be = asked or self._staged.fileset.plate
            plates = plates_of(session, [each.id for each in held.images]) if may_be else []
        name = posixpath.basename(repository_path(self._staged.files[0].client_path))
        key, fileset = self._run_key.rpartition("/")[2], self.fileset_id
        return ImportedFileset(key=key, name=name, fileset_id=fileset, images=held.images, plates=tuple(plates))

    @contextmanager
    def _closed_after(self, opened: Any, doing: str) -> Iterator[None]:
        """Close it whatever happens in the block; not over a lost connection, where each call is waited for in vain."""
        lost = False
        try:
            yield
        except CourierError as error:
            lost = means_lost(error)
            raise
        finally:
            if not lost:
                self._quietly(opened.close, doing)

    def _clear(self) -> None:
        """Remove what is left of it, and of it only: OMERO keeps images even of some imports that it calls failed."""

        def clear() -> None:
            if self._session.rows("select f.id from Fileset f where f.id = :id", id=self.fileset_id):
                delete_filesets(self._session, [self.fileset_id])

        self._quietly(clear, "removing a failed import")

    def _quietly(self, call: Any, doing: str) -> None:
        """Do what belongs to the end of an import; its own failure is only logged, or it would hide a worse one."""
        try:
            with speaking_to(self._session.server.host, doing=doing):
                call()
        except CourierError as error:
            log.warning("%s", error)


def read_back(session: OmeroSession, fileset_id: int, *, promised: int | None) -> Holding:
    """Return what OMERO holds of a fileset whose import is said to be done, its images counted and read.

    Args:
        session: of the user.
        fileset_id: of the fileset.
        promised: how many images there are said to be, where that was said.

    Raises:
        OmeroFault: there is none, or another number of them, or one that OMERO cannot read.
    """
    held = holdings(session, [fileset_id]).get(fileset_id, NOTHING)
    if not held.images:
        raise OmeroFault("OMERO says that the import is done, but holds no image of it.")
    if promised not in (None, len(held.images)):
        raise OmeroFault(f"OMERO says that it has made {promised} images, but holds {len(held.images)}.")
    if why := unreadable(session, held):
        raise OmeroFault(f"OMERO says that the import is done, but cannot read the image: {why}")
    return held
