"""Imports one fileset through OMERO's managed repository, and finds what an earlier attempt left there.

Several threads may import over one session. Whatever goes wrong, nothing half-made stays behind, as far as OMERO can
still be asked; `find_earlier` clears what could not be cleared then. (Waiting for an import that OMERO still carries
on after the connection was lost is not done yet: it is removed, and made again.)
"""

import logging
import posixpath
import threading
from typing import Any

from omero.rtypes import unwrap

from flows.core.control import Control, Stage
from flows.core.errors import CourierError, OmeroFault
from flows.core.omero_client.annotations import (
    RUN,
    ImportDetails,
    annotations_for,
    record_provenance,
)
from flows.core.omero_client.commands import ask_patiently, delete_filesets, refusal_in, wait_for
from flows.core.omero_client.faults import failure_of_answer, means_lost, speaking_to
from flows.core.omero_client.holdings import images_of, marked
from flows.core.omero_client.orders import import_settings, new_fileset
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.store import milliseconds_for
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.omero_client.upload import Upload
from flows.core.requests import ImportedFileset, StagedFileset

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
) -> ImportedFileset:
    """Upload a fileset, have OMERO import it, and read its images back.

    Args:
        session: of the user who will own the images, in the group that they go into.
        staged: the files.
        target: the dataset or screen, or None for images without one.
        details: what is to be said of the images.
        control: told of the bytes, and asked on every chunk whether to go on.
        run_key: `<run id>/<fileset key>`, by which a later attempt finds this one.

    Raises:
        ImportRefused: OMERO cannot read the files.
        SourceChanged: a file is not what was verified or staged.
        NotPermitted: the user may not do that there.
        ImportCancelled: `control` said so.
        OmeroError: anything else that OMERO did not do.
    """
    session.keep_alive()
    try:
        fileset_id = _Import(session, staged, control).run(target, details, run_key)
        imported = _read_back(session, fileset_id, run_key)
    except CourierError as error:
        if not means_lost(error):
            _clear(session, run_key)
        raise
    if target is None:
        return imported
    return imported.model_copy(update={"target_kind": target.kind, "target_id": target.id})


def find_earlier(session: OmeroSession, run_key: str) -> ImportedFileset | None:
    """Return what an earlier attempt with this key brought into OMERO, and remove what it left half-done.

    Raises:
        OmeroError: OMERO cannot say, or cannot remove it.
    """
    with speaking_to(session.server.host, doing="looking for an earlier attempt"):
        filesets = marked(session, "Fileset", RUN, run_key)
        complete = [each for each in filesets if images_of(session, each)]
    if debris := set(filesets) - set(complete):
        log.info("removing what an earlier attempt left: filesets %s", sorted(debris))
        delete_filesets(session, debris)
    return _read_back(session, complete[0], run_key) if complete else None


class _Import:
    """One import: what its steps share."""

    def __init__(self, session: OmeroSession, staged: StagedFileset, control: Control) -> None:
        self._session = session
        self._staged = staged
        self._control = control
        self._key = staged.fileset.key
        self._total = sum(file.size for file in staged.files)
        self._done = 0
        self._counting = threading.Lock()

    def run(self, target: ResolvedTarget | None, details: ImportDetails, run_key: str) -> int:
        """Return the id of the fileset once OMERO says that it is imported."""
        session = self._session
        self._control.moved(self._key, Stage.UPLOAD, 0, self._total)
        with speaking_to(session.server.host, doing="preparing an import"):
            asked = import_settings(session, target, details, annotations_for(session, details))
            process = session.repository.importFileset(new_fileset(self._staged, run_key), asked)
        try:
            checksums = Upload(session, process, self._staged, unwrap(asked.checksumAlgorithm.value), self).run()
            with speaking_to(session.server.host, doing="checking the upload"):
                patient = process.ice_invocationTimeout(self._patience())
                handle = ask_patiently(patient.begin_verifyUpload, checksums, check=self._control.check)
            self._wait(handle)
        finally:
            # Not before the answer is in: until then a later attempt can find the process.
            self._quietly(process.close, "closing the import")
        with speaking_to(session.server.host, doing="reading the import back"):
            return marked(session, "Fileset", RUN, run_key)[-1]

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

    def _wait(self, handle: Any) -> None:
        self._control.moved(self._key, Stage.IMPORT, 0, self._total)
        server = self._session.server
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
                self._stop(handle)
            raise
        finally:
            self._quietly(handle.close, "closing the import's handle")
        if refusal := refusal_in(response):
            raise failure_of_answer(refusal, doing=f"importing at {server.host}")

    def _stop(self, handle: Any) -> None:
        """Have OMERO stop between two steps, and wait for that: deleting under a running import may lose against it."""

        def stop() -> None:
            handle.cancel()
            wait_for(self._session, handle, timeout=self._session.server.call_timeout)

        self._quietly(stop, "cancelling the import")

    def _stepped(self, complete: int, total: int) -> None:
        self._control.moved(self._key, Stage.IMPORT, self._total * complete // max(total, 1), self._total)

    def _quietly(self, call: Any, doing: str) -> None:
        _quietly(self._session, call, doing)


def _read_back(session: OmeroSession, fileset_id: int, run_key: str) -> ImportedFileset:
    """Return the fileset as OMERO holds it, its images with their sizes; see that they say where they came from."""
    with speaking_to(session.server.host, doing="reading the images back"):
        images = images_of(session, fileset_id)
        if not images:
            raise OmeroFault("OMERO says that the import is done, but holds no image of it.")
        record_provenance(session, fileset_id, run_key, [each.id for each in images])
        paths = session.rows(
            "select e.clientPath from FilesetEntry e where e.fileset.id = :id order by e.id", id=fileset_id
        )
    return ImportedFileset(
        key=run_key.rpartition("/")[2],
        name=posixpath.basename(paths[0][0]),
        fileset_id=fileset_id,
        images=images,
    )


def _clear(session: OmeroSession, run_key: str) -> None:
    """Remove everything of a failed import: OMERO keeps images even of some imports that it calls failed."""

    def clear() -> None:
        if left := marked(session, "Fileset", RUN, run_key):
            delete_filesets(session, left)

    _quietly(session, clear, "removing a failed import")


def _quietly(session: OmeroSession, call: Any, doing: str) -> None:
    """Do what belongs to the end of an import; its own failure is only logged, or it would hide a worse one."""
    try:
        with speaking_to(session.server.host, doing=doing):
            call()
    except CourierError as error:
        log.warning("%s", error)
