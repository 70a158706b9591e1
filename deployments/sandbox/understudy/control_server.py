"""A small HTTP server on the loopback address: one POST for each method of `Control`, and pages to look at."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.pages import page

log = logging.getLogger(__name__)


class Switchboard:
    """What can be switched; each method is a path."""

    def __init__(self, house: House) -> None:
        self._house, self._faults = house, house.faults

    def fault(self, operation: str, exception: str, times: int | None = 1, after: int = 0) -> None:
        """Plan an exception."""
        self._faults.plan(operation, exception, times, after)

    def fail_import(self, name: str, step: int = 0, times: int | None = 1) -> None:
        """Plan an ERR."""
        self._faults.plan_import_failure(name, step, times)

    def latency(self, write: float | None = None, call: float | None = None) -> None:
        """Seconds added to each write, each other call."""
        if write is not None:
            self._faults.latency_write = write
        if call is not None:
            self._faults.latency_call = call

    def strict_stores(self, on: bool) -> None:
        """Refuse concurrent calls on one store."""
        self._faults.strict_stores = on

    def disk_full(self, on: bool) -> None:
        """No space left."""
        self._faults.disk_full = on

    def freeze(self) -> None:
        """Answer nothing."""
        self._faults.freeze()

    def thaw(self) -> None:
        """Go on."""
        self._faults.thaw()

    def hold(
        self, place: str, after: int = 0, times: int | None = 1, agent: str = "", *, until_cancelled: bool = False
    ) -> None:
        """Let calls wait there."""
        self._faults.hold(place, after, times, agent, until_cancelled=until_cancelled)

    def waiting(self) -> dict[str, list[str]]:
        """Who waits where."""
        return self._faults.waiting()

    def let_go(self) -> None:
        """They go on."""
        self._faults.let_go()

    def forget_sessions(self) -> int:
        """As a restart does."""
        return self._house.sessions.forget_all()

    def drop_connections(self) -> int:
        """As a firewall does."""
        return self._house.drop_connections()

    def add_to_group(self, user: str, group: str) -> None:
        """Make somebody a member."""
        self._house.sessions.people.add_to_group(user, group)

    def remove_from_group(self, user: str, group: str) -> None:
        """Somebody is a member no longer."""
        self._house.sessions.people.remove_from_group(user, group)

    def die(self) -> None:
        """At once, without a word."""
        os.kill(os.getpid(), signal.SIGKILL)

    def clear(self) -> None:
        """All well again."""
        self._faults.clear()

    def stats(self) -> dict[str, Any]:
        """What happened."""
        counts = asdict(self._faults.counts)
        agents = self._house.sessions.agents()
        named = [agent for agent in agents if agent]
        return {**counts, "calls": dict(self._faults.counts.calls), "sessions": len(agents), "agents": named}


class ControlServer:
    """Serves a switchboard in a thread."""

    def __init__(self, house: House, port: int) -> None:
        board = Switchboard(house)

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                """Call the method that the path names, with the body's JSON object as arguments."""
                name = self.path.strip("/")
                method = None if name.startswith("_") else getattr(board, name, None)
                size = int(self.headers.get("Content-Length") or 0)
                status, answer = _call(method, self.rfile.read(size))
                self._answer(status, json.dumps(answer), "application/json")

            def do_GET(self) -> None:
                """Show what a link into OMERO.web would show."""
                self._answer(*page(house.database, self.path), "text/html; charset=utf-8")

            def _answer(self, status: int, text: str, kind: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                """To our log."""
                log.debug(format, *arguments)

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="control").start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _call(method: Callable[..., Any] | None, body: bytes) -> tuple[int, Any]:
    if method is None:
        return 404, {"error": "no such switch"}
    try:
        return 200, method(**json.loads(body or b"{}"))
    except (TypeError, ValueError) as error:
        return 400, {"error": str(error)}
