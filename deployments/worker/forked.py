"""The worker's side of `fork_server.py`: processes of flow runs that are copies of one that is ready."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from prefect.logging import get_logger

from deployments.worker.fork_server import ENGINE, MOST, NO_RUN, ROOM
from deployments.worker.orphans import lives

WORKS = sys.platform == "linux"
"""Where a process can be copied, and say which run it is."""
UNKNOWN = 1
"""Status of a process whose end nobody saw: unless Prefect was told how the run ended, it counts as crashed."""
LOOK_SECONDS = 0.5
"""Between two looks at a process that nobody else watches."""
OF_ONE_RUN = "PREFECT__"
"""Begins the names of variables that differ from run to run; Prefect reads them when the run begins."""
log = get_logger("courier.worker")


class NotForked(OSError):
    """The server could make no process."""


class Forked:
    """A process of a flow run, as Prefect's own handles (`ProcessHandle`) see it."""

    def __init__(self, pid: int) -> None:
        """Name it; `returncode` is there once it has ended."""
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()

    def end(self, status: int | None) -> None:
        """Take note of its end, or, with None, that nobody will tell of it."""
        self.returncode = status
        self._over.set()

    def kill(self) -> None:
        """End it, and its group, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Return its status once it has ended."""
        await self._over.wait()
        if self.returncode is None:
            self.returncode = await _watch(self.pid)
        return self.returncode


async def _watch(pid: int) -> int:
    """Wait until a process is gone that nobody else watches."""
    try:
        process = psutil.Process(pid)
        while lives(process):
            await asyncio.sleep(LOOK_SECONDS)
    except psutil.NoSuchProcess:
        pass
    return UNKNOWN


class ForkServer:
    """One for a worker; it is started with the first run, and again where it died."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._environment: dict[str, str] = {}
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._forked: dict[int, Forked] = {}
        self._has_worked = False

    def suits(self, command: str | None, environment: Mapping[str, str]) -> bool:
        """Say whether a run may get its process here: the plain command, in the environment of the runs before."""
        if not self._may_work or command not in (None, f"python -m {ENGINE}", f"{sys.executable} -m {ENGINE}"):
            return False
        return self._channel is None or self._environment == _common(environment)

    @property
    def _may_work(self) -> bool:
        """Not where the first one ended before it made anything."""
        return WORKS and (self._process is None or self._channel is not None or self._has_worked)

    @asynccontextmanager
    async def open(self, environment: Mapping[str, str], folder: Path) -> AsyncIterator[Forked]:
        """Start a process; one that is still there at the end is killed.

        Raises:
            NotForked: it could not be made.
        """
        process = await self._start(environment, folder)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()

    async def _start(self, environment: Mapping[str, str], folder: Path) -> Forked:
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._begin(environment)
        channel, number = self._channel, next(self._numbers)
        assert channel is not None
        self._asked[number] = loop.create_future()
        asked = {"number": number, "environment": dict(environment), "folder": str(folder)}
        try:
            await loop.sock_sendall(channel, json.dumps(asked).encode())
            return await self._asked[number]
        except NotForked:
            raise
        except OSError as error:
            raise NotForked(f"the process that is copied does not answer: {error}") from error
        finally:
            del self._asked[number]

    def _begin(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = _common(environment)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deployments.worker.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**self._environment, ROOM: NO_RUN},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C in the worker's terminal does not reach it
            )
        ours.setblocking(False)
        self._channel = ours
        asyncio.get_running_loop().add_reader(ours, self._hear)

    def _hear(self) -> None:
        assert self._channel is not None
        try:
            message = self._channel.recv(MOST)
        except BlockingIOError:
            return
        except ConnectionError:
            message = b""
        if message:
            self._heed(json.loads(message))
        else:
            self.close()

    def _heed(self, told: Mapping[str, Any]) -> None:
        number = told["number"]
        asked, forked = self._asked.get(number), self._forked.get(number)
        if forked is not None:  # it has ended
            self._forked.pop(number).end(told["status"])
        elif "pid" not in told:
            self._refuse(asked, told.get("error", "the new process ended at once"))
        else:
            forked = self._forked[number] = Forked(told["pid"])
            self._has_worked = True
            if asked is None or asked.done():  # who wanted it is gone
                forked.kill()
            else:
                asked.set_result(forked)

    def _refuse(self, asked: asyncio.Future[Forked] | None, why: str) -> None:
        if asked is not None and not asked.done():
            asked.set_exception(NotForked(why))

    def close(self) -> None:
        """End the server, or take note that it died; what it started goes on, and is watched from here."""
        if self._channel is None or self._process is None:
            return
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()
        self._channel = None
        for forked in self._forked.values():
            forked.end(None)
        self._forked.clear()
        self._process.kill()
        self._process.wait()
        for asked in self._asked.values():
            self._refuse(asked, f"the process that is copied ended with status {self._process.returncode}")


def _common(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OF_ONE_RUN)}
