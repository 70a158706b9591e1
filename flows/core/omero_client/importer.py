"""Imports one fileset through OMERO's managed repository: begun under a lock where need be, then uploaded and awaited.

Several threads may import over one session. Whatever goes wrong, nothing half-made stays behind, as far as OMERO can
still be asked; `find_earlier` clears what could not be cleared then.
"""

import logging
import posixpath
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flows.core.control import Control, Stage
from flows.core.errors import CourierError
from flows.core.omero_client.commands import ask_patiently, delete_filesets, refusal_in, wait_for
from flows.core.omero_client.faults import failure_of_answer, means_lost, speaking_to
from flows.core.omero_client.orders import repository_path
from flows.core.omero_client.placing import Placing
from flows.core.omero_client.processes import stop
from flows.core.omero_client.reading_back import Brought, read_back_all
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.store import milliseconds_for
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.omero_client.upload import Upload
from flows.core.requests import ImportedFileset, Placement, StagedFileset
from flows.core.settings import Checksum

log = logging.getLogger(__name__)

ICE_LONGEST = 2**31 - 1
"""Milliseconds: the longest time-out of a call."""


class BegunImport:
    """A fileset that OMERO holds, yet without bytes: to be finished or abandoned, once."""

    def __init__(
        self,
        session: OmeroSession,
        staged: StagedFileset,
        process: Any,
        algorithm: Checksum,
        *,
        run_key: str,
        nonce: str,
        target: ResolvedTarget | None,
        placement: Placement = Placement.UPLOAD,
    ) -> None:
        """Note what its steps share."""
        self.run_key = run_key
        self.nonce = nonce
        """Tells it from what other attempts make under the same key."""
        self._key = staged.fileset.key
        self.fileset_id: int
        """Set by `know_apart`."""
        self._placement = placement
        self._session = session
        self._staged = staged
        self._process = process
        self._algorithm = algorithm
        self._target = target
        self._promised = 0
        self._total = sum(file.size for file in staged.files)
        self._done = 0
        self._counting = threading.Lock()
        self._control: Control

    def finish(self, control: Control) -> ImportedFileset:
        """Upload the bytes, have OMERO import them, and read the images back. Fails as `import_fileset` says."""
        self.bring(control)
        told = confirm(self._session, [self])[self.run_key]
        if isinstance(told, CourierError):
            raise told
        return told

    def bring(self, control: Control) -> None:
        """Upload the bytes and have OMERO import them; then `confirm` reads back what came of it."""
        self._control = control
        try:
            self._promised = self._run()
        except CourierError as error:
            if not means_lost(error):
                self.clear()
            raise

    def brought(self) -> Brought:
        """Return what is to be read back."""
        return Brought(
            fileset_id=self.fileset_id,
            run_key=self.run_key,
            name=posixpath.basename(repository_path(self._staged.files[0].client_path)),
            promised=self._promised,
            target=self._target,
            plate=bool(self._staged.fileset.plate),
        )

    def abandon(self) -> None:
        """Leave nothing of it, as far as OMERO can still be asked."""
        self._quietly(self._process.close, "closing the import")
        self.clear()

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

    def clear(self) -> None:
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


def confirm(session: OmeroSession, brought: Sequence[BegunImport]) -> dict[str, ImportedFileset | CourierError]:
    """Read back what was brought into OMERO, and remove what is not as promised.

    Returns:
        By run key, each fileset or why it does not count.
    """
    found = read_back_all(session, [each.brought() for each in brought])
    for each in brought:
        told = found[each.run_key]
        if isinstance(told, CourierError) and not means_lost(told):
            each.clear()
    return found
