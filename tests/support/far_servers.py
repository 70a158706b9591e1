"""Real servers of each kind on this machine: SFTP, S3 and HTTP, and a wire before them that can be cut and counted."""

import asyncio
import base64
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp.web
import asyncssh
import botocore.session
import httpx

PASSWORD = "s3cret-of-the-host"


class Wire:
    """A way to a server that counts what comes back, and breaks after so many bytes when told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = 0
        self.connections = 0
        self.cut_after: int | None = None
        """Bytes, from now on, after which all connections break, and none is taken until `heal`."""
        self.is_cut = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self) -> None:
        self.cut_after, self.is_cut = None, False

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, counts in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, counts), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                if counts:
                    self.received += len(data)
                    if self.cut_after is not None:
                        self.cut_after -= len(data)
                        if self.cut_after < 0:
                            self.cut()
                            break
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Sftp:
    """An SSH server with one account, known by a password or a key, whose files lie in a folder."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.folder = folder
        keys.mkdir(parents=True, exist_ok=True)
        self.private_key = keys / "id"
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        user_key = asyncssh.generate_private_key("ssh-ed25519")
        user_key.write_private_key(self.private_key)
        self._authorized = keys / "authorized"
        user_key.write_public_key(self._authorized)
        self._loop = _Loop()
        self._server: Any = None
        self.port = 0
        self.start()

    @property
    def fingerprint(self) -> str:
        return self._host_key.get_fingerprint()

    @property
    def host_key(self) -> str:
        return "127.0.0.1 " + self._host_key.export_public_key().decode().strip()

    def start(self) -> None:
        self._server = self._loop.run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def leave() -> None:
            self._server.close()
            await self._server.wait_closed()

        self._loop.run(leave())

    def close(self) -> None:
        self.stop()
        self._loop.close()

    async def _listen(self) -> Any:
        class Account(asyncssh.SSHServer):
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("courier", PASSWORD)

        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self._host_key],
            authorized_client_keys=str(self._authorized),
            server_factory=Account,
            sftp_factory=functools.partial(asyncssh.SFTPServer, chroot=os.fsencode(self.folder)),
            config=None,
        )


class Http:
    """A web server that knows ranges, ETags and conditions; what is below `/closed` needs a login."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[str, Callable[[aiohttp.web.Request], aiohttp.web.StreamResponse]] = {}
        """What is answered at a path in place of a file."""
        self._loop = _Loop()
        self._runner: Any = None
        self.port = 0
        self._loop.run(self._listen())

    async def _listen(self) -> None:
        @aiohttp.web.middleware
        async def judge(request: aiohttp.web.Request, handler: Any) -> aiohttp.web.StreamResponse:
            if (answer := self.answers.get(request.path)) is not None:
                return answer(request)
            login = base64.b64encode(f"courier:{PASSWORD}".encode()).decode()
            allowed = (f"Basic {login}", f"Bearer {PASSWORD}")
            if request.path.startswith("/closed/") and request.headers.get("Authorization") not in allowed:
                return aiohttp.web.Response(status=401)
            return await handler(request)

        app = aiohttp.web.Application(middlewares=[judge])
        app.router.add_static("/", self.folder)
        self._runner = aiohttp.web.AppRunner(app)
        await self._runner.setup()
        site = aiohttp.web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def close(self) -> None:
        self._loop.run(self._runner.cleanup())
        self._loop.close()


class PlainHttp:
    """Python's own web server, which knows no ranges and no ETags."""

    def __init__(self, folder: Path) -> None:
        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def copyfile(self, source: Any, outputfile: Any) -> None:
                with contextlib.suppress(OSError):  # whoever asked has seen enough
                    super().copyfile(source, outputfile)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class S3:
    """An S3 service, moto's, in a process of its own."""

    def __init__(self, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=out,
                stderr=out,
            )
        self._wait(log)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def _wait(self, log: Path) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.endpoint}/moto-api/", timeout=5).status_code:
                    return
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.05)
        raise AssertionError(log.read_text())

    def client(self, key: str = "key", secret: str = "secret") -> Any:
        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )


@contextlib.contextmanager
def closing_all(*servers: Any) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            server.close()
