"""The imports that OMERO itself carries on in a session, whoever of ours began them: finding, awaiting, stopping them.

OMERO lets a connection reach only what its own session holds (omero-blitz: SessionManagerI, the categories that it
gives Glacier2), so nothing here sees the imports of another session.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import Ice
import omero

from flows.core.errors import CourierError, OmeroBusy
from flows.core.omero_client.commands import refusal_in, wait_for
from flows.core.omero_client.faults import Refusal, means_lost, speaking_to
from flows.core.omero_client.session import OmeroSession

log = logging.getLogger(__name__)

CANCEL_PAUSE = 0.2
"""Seconds before asking again to cancel an import that is in the middle of a step."""


def running(session: OmeroSession) -> dict[int, Any]:
    """Return the handles of the imports that OMERO is processing in this session, by the ids of their filesets.

    An import that was closed does not count, nor one whose upload is not over.
    """
    found = {}
    for handle in _handles(session):
        try:
            activity = handle.getRequest().activity
        except Ice.ObjectNotExistException:
            continue
        if activity is not None and activity.parent is not None:
            found[activity.parent.id.val] = handle
    return found


def _handles(session: OmeroSession) -> Iterator[Any]:
    own = session.key.get_secret_value()
    for process in session.repository.listImports():
        # It lists those of all sessions since OMERO's start, dead ones too (omero-blitz: ProcessContainer).
        if process.ice_getIdentity().category != own:
            continue
        try:
            handle = process.getHandle()
        except Ice.ObjectNotExistException:
            continue
        if handle is not None:
            yield handle


def await_import(session: OmeroSession, handle: Any, check: Callable[[], None]) -> Refusal | None:
    """Wait until an import that another connection began has ended; return what OMERO complains of, if it does.

    Raises:
        OmeroError: it takes longer than it may, or OMERO cannot say.
        ImportCancelled: `check` said so; the import was stopped.
        RunPutOff: as well.
    """
    server = session.server
    try:
        with speaking_to(server.host, doing="waiting for the import of an earlier attempt"):
            try:
                return refusal_in(wait_for(session, handle, timeout=server.import_timeout, check=check))
            except Ice.ObjectNotExistException:
                # Whoever began it closed it.
                return None
    except CourierError as error:
        if not means_lost(error):
            stop(session, handle)
        raise


def stop_all(session: OmeroSession) -> None:
    """Stop every import that OMERO is processing in this session; none of them saves anything afterwards.

    Raises:
        OmeroError: one did not stop in the time of a call, or OMERO is away.
    """
    with speaking_to(session.server.host, doing="stopping the imports of an earlier attempt"):
        for handle in _handles(session):
            stop(session, handle)


def stop(session: OmeroSession, handle: Any) -> None:
    """Have OMERO stop an import between two of its steps, and wait for that.

    It refuses while a step takes longer than 5 seconds, and goes on then (omero-blitz: HandleI.cancel), so it is
    asked again.

    Raises:
        OmeroBusy: it did not stop in the time of a call.
    """
    end = time.monotonic() + session.server.call_timeout
    with speaking_to(session.server.host, doing="stopping an import"):
        while time.monotonic() < end:
            try:
                handle.cancel()
                return
            except omero.LockTimeout:
                time.sleep(CANCEL_PAUSE)
            except Ice.ObjectNotExistException:
                return
    raise OmeroBusy("OMERO did not stop an import of an earlier attempt yet.")
