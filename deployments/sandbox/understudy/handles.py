"""Requests that run in the background behind a handle: steps, callbacks, cancelling, and the response or ERR.

Source: omero-blitz omero.cmd.HandleI, Helper, SessionI.
"""

import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import Ice
import omero
import omero.cmd

from deployments.sandbox.understudy.house import House, SessionService
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.saving import milliseconds
from deployments.sandbox.understudy.sessions import Session

log = logging.getLogger(__name__)

CANCEL_SECONDS = 5.0
"""How long `cancel` waits for the running step: omero-blitz cancelTimeoutMs."""
CALLBACK_MILLISECONDS = 10_000
"""A client that reads no more does not hold up a request for longer."""


class RequestFailed(Exception):
    """A request ends with an ERR."""

    def __init__(self, name: str, parameters: dict[str, str], cause: str = "", err: Any = None) -> None:
        super().__init__(name)
        self.name = name
        self.parameters = parameters
        self.cause = cause
        self.err = err or omero.cmd.ERR()


class Work(Protocol):
    """What a request does."""

    steps: int
    """In all; a first one that raises has done nothing."""

    def run(self) -> Iterable[Any]:
        """Do it; yields after each step, the response last."""


class Handle(SessionService):
    """A running request."""

    def __init__(self, house: House, session: Session, request: Any, work: Work) -> None:
        super().__init__(house, session)
        self._name = f"IHandle{uuid.uuid4()}"
        self._request, self._work = request, work
        self._callbacks: dict[str, Any] = {}
        self._response: Any = None
        self._cancelling = False
        self._abandoned = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._status = omero.cmd.Status()
        self._status.steps, self._status.flags, self._status.parameters = work.steps, [], {}
        self._status.currentStep, self._status.startTime = 0, milliseconds()
        self._status.stepStartTimes, self._status.stepStopTimes = [], []
        category = session.uuid
        proxy = house.registry.publish(category, self._name, omero.cmd.Handle, self)
        self.proxy = omero.cmd.HandlePrx.uncheckedCast(proxy)

    def start(self, afterwards: Callable[[], None] = lambda: None) -> None:
        """Run in a thread of its own."""
        threading.Thread(target=self._run, args=(afterwards,), daemon=True, name=self._name).start()

    def _run(self, afterwards: Callable[[], None]) -> None:
        response: Any = None
        try:
            for step, result in enumerate(self._work.run(), 1):
                response = result
                if step < self._work.steps:
                    self._after_step(step)
        except RequestFailed as failed:
            response = self._err(failed)
        except omero.ServerError as refused:
            response = self._err(RequestFailed("run-fail", {"message": refused.message}, type(refused).__name__))
        except Exception as error:
            log.exception("request failed")
            response = self._err(RequestFailed("run-fail", {"message": repr(error)}, traceback.format_exc()))
        finally:
            afterwards()
        with self._lock:
            self._status.stopTime = milliseconds()
            self._response = response
            self._over.set()
        self._notify(lambda callback: callback.finished(response, self._status))

    def _after_step(self, step: int) -> None:
        self._status.currentStep = step
        self._notify(lambda callback: callback.step(step, self._work.steps))
        self.check()

    def check(self) -> None:
        """Go on to the next step, if it is still wanted.

        Raises:
            RequestFailed: it was cancelled, or its session has ended.
        """
        if self._cancelling or self._abandoned:
            raise RequestFailed("cancel-called", {})

    def _err(self, failed: RequestFailed) -> Any:
        self._status.flags = [omero.cmd.State.FAILURE, omero.cmd.State.CANCELLED]
        err = failed.err
        err.category, err.name = self._request.ice_id(), failed.name
        err.parameters = {"stacktrace": failed.cause, **failed.parameters} if failed.cause else failed.parameters
        return err

    def _notify(self, tell: Callable[[Any], None]) -> None:
        for key, callback in list(self._callbacks.items()):
            try:
                tell(callback)
            except Ice.Exception as error:
                log.info("a callback is gone: %s", type(error).__name__)
                self._callbacks.pop(key, None)

    def addCallback(self, callback: Any, current: Any) -> None:  # noqa: N802
        """Tell this one too; over the client's own connection, for it listens nowhere else."""
        identity = callback.ice_getIdentity()
        proxy = current.con.createProxy(identity).ice_oneway().ice_invocationTimeout(CALLBACK_MILLISECONDS)
        self._callbacks[f"{identity.category}/{identity.name}"] = omero.cmd.CmdCallbackPrx.uncheckedCast(proxy)

    def removeCallback(self, callback: Any, _current: Any) -> None:  # noqa: N802
        """Tell this one no more."""
        identity = callback.ice_getIdentity()
        self._callbacks.pop(f"{identity.category}/{identity.name}", None)

    def getRequest(self, _current: Any) -> Any:  # noqa: N802
        """What was asked."""
        return self._request

    def getResponse(self, _current: Any) -> Any:  # noqa: N802
        """The response or ERR; None while it runs."""
        return self._response

    def getStatus(self, _current: Any) -> Any:  # noqa: N802
        """Steps and flags."""
        return self._status

    def cancel(self, _current: Any) -> Any:
        """Stop after the running step; False when it had finished. One that takes too long is not stopped after all."""
        return self._cancel()

    def _cancel(self) -> bool:
        with self._lock:
            if self._over.is_set():
                return bool(self._response and getattr(self._response, "name", "") == "cancel-called")
            self._cancelling = True
        self.house.faults.cancelled()
        if not self._over.wait(CANCEL_SECONDS):
            self._cancelling = False
            raise refusal(omero.LockTimeout, "timed out while waiting on CANCELLED state")
        return bool(getattr(self._response, "name", "") == "cancel-called")

    def close(self, _current: Any) -> None:
        """Forget it; what still runs is cancelled."""
        self.house.registry.withdraw(self.session.uuid, self._name)
        if self._over.is_set():
            return
        try:
            self._cancel()
        except omero.LockTimeout:
            log.warning("a handle was closed, but what it stood for goes on")

    def abandon(self) -> None:
        """The session ended: no further step finds what it needs."""
        self._abandoned = True
