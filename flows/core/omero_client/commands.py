"""Runs OMERO's long commands (its Handles) to their end, and deletes filesets with them."""

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Event, Lock
from typing import Any

import Ice
import omero
import omero.clients

from flows.core.errors import OmeroUnavailable
from flows.core.omero_client.faults import Refusal, failure_of_answer, speaking_to
from flows.core.omero_client.session import OmeroSession

LOOK = 0.5
"""Seconds between two looks at whether the wait is still wanted."""
FIRST_POLL = 0.05
"""Seconds until the first question whether the command has ended: it may have before the call-back was there."""
POLL = 2.0
"""Seconds between two further ones: the call-back may get lost."""

SIGN_OF_LIFE = 10.0
"""Seconds between two questions whether OMERO is there, while it holds an answer back."""

DELETE_TIMEOUT = 600.0
"""Seconds that a deletion may take: OMERO does it in one transaction."""


class _Ending(omero.cmd.CmdCallback):  # type: ignore[misc]
    """What OMERO calls when a command moves on or ends."""

    def __init__(self, moved: Callable[[int, int], None]) -> None:
        self.event = Event()
        self.response: Any = None
        self._moved = moved
        self._most = -1
        self._lock = Lock()

    def step(self, complete: int, total: int, current: Any = None) -> None:
        with self._lock:
            # Calls arrive in several threads and overtake each other.
            if complete > self._most:
                self._most = complete
                self._moved(complete, total)

    def finished(self, response: Any, status: Any, current: Any = None) -> None:
        self.response = response
        self.event.set()

    def stop(self) -> None:
        """Tell of no further step: whoever waited has gone on."""
        with self._lock:
            self._moved = lambda complete, total: None


def wait_for(
    session: OmeroSession,
    handle: Any,
    *,
    timeout: float,
    check: Callable[[], None] = lambda: None,
    moved: Callable[[int, int], None] = lambda complete, total: None,
) -> Any:
    """Wait until a command has ended, and return OMERO's response, good or bad.

    Args:
        session: in which it runs.
        handle: of the command.
        timeout: seconds.
        check: called every now and then; what it raises ends the wait.
        moved: called with steps done and steps in all, from another thread.

    Raises:
        OmeroUnavailable: it took too long.
    """
    ending = _Ending(moved)
    name = Ice.Identity(str(uuid.uuid4()), session.category)
    adapter = session.client.getAdapter()
    handle.addCallback(omero.cmd.CmdCallbackPrx.uncheckedCast(adapter.add(ending, name)))
    try:
        return _response(handle, ending, timeout, check)
    finally:
        adapter.remove(name)
        ending.stop()


def ask_patiently(session: OmeroSession, begin: Callable[..., Any], *arguments: Any, check: Callable[[], None]) -> Any:
    """Ask something that OMERO may hold back for long, and return the answer.

    Meanwhile OMERO is asked now and then whether it is there at all: one that hangs is not waited for.

    Args:
        session: in which it is asked.
        begin: the asynchronous form of the call, for example `proxy.begin_verifyUpload`.
        arguments: of the call.
        check: called every now and then; what it raises ends the wait.
    """
    answered: Future[Any] = Future()
    begin(*arguments, answered.set_result, answered.set_exception)
    next_sign = time.monotonic() + SIGN_OF_LIFE
    while True:
        try:
            return answered.result(timeout=LOOK)
        except TimeoutError:
            check()
        if time.monotonic() >= next_sign:
            session.services.keepAlive(None)
            next_sign = time.monotonic() + SIGN_OF_LIFE


def _response(handle: Any, ending: _Ending, timeout: float, check: Callable[[], None]) -> Any:
    end, next_poll = time.monotonic() + timeout, time.monotonic() + FIRST_POLL
    while time.monotonic() < end:
        check()
        if time.monotonic() >= next_poll:
            if (response := handle.getResponse()) is not None:
                return response
            next_poll = time.monotonic() + POLL
        if ending.event.wait(max(0.0, min(LOOK, next_poll - time.monotonic()))):
            # A null response would mean that the call-back came too early to carry one: the next poll has it.
            if ending.response is not None:
                return ending.response
            ending.event.clear()
    raise OmeroUnavailable(f"OMERO did not finish within {timeout:.0f} seconds.")


def refusal_in(response: Any) -> Refusal | None:
    """Return what a response complains of, if it does."""
    if not isinstance(response, omero.cmd.ERR):
        return None
    said = response.parameters or {}
    return Refusal(response.name, said.get("message", ""), said.get("stacktrace", ""))


def run_command(session: OmeroSession, request: Any, *, doing: str, timeout: float | None = None) -> Any:
    """Submit a command, wait for it, by default as long as for an ordinary call, and return its response.

    Raises:
        OmeroError: OMERO refused it, or is away.
    """
    with speaking_to(session.server.host, doing=doing):
        handle = session.services.submit(request)
        try:
            response = wait_for(session, handle, timeout=timeout or session.server.call_timeout)
        finally:
            handle.close()
    if refusal := refusal_in(response):
        raise failure_of_answer(refusal, doing=doing)
    return response


def delete_annotations(session: OmeroSession, ids: Iterable[int]) -> None:
    """Delete annotations of our own (omero-blitz: Delete2).

    Raises:
        OmeroError: OMERO refused it, or is away.
    """
    request = omero.cmd.Delete2(targetObjects={"Annotation": list(ids)})
    run_command(session, request, doing="removing the mark of an import", timeout=DELETE_TIMEOUT)


def delete_filesets(session: OmeroSession, ids: Iterable[int]) -> None:
    """Delete filesets with their images and files (omero-blitz: Delete2).

    Raises:
        OmeroError: OMERO refused it, or is away.
    """
    filesets = tuple(ids)
    request = omero.cmd.Delete2(targetObjects={"Fileset": list(filesets)})
    run_command(session, request, doing="removing a half-made import", timeout=DELETE_TIMEOUT)
    session.deleted(filesets)
