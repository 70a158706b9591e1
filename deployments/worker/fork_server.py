"""A process that has imported what flow runs need, and becomes two for each: a run's own process is there at once.

Otherwise every run spends some four seconds of a processor on imports before it does anything. A process of its own,
since only one that has no other threads may be copied. It ends with its worker, which it knows from the end of their
socket; what it has started goes on. Where this works and when it is used: `forked.py`.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

MOST = 1 << 20
"""Bytes of one message, which holds an environment."""
RUN_ID = "PREFECT__FLOW_RUN_ID"
"""Prefect's own mark of a process that carries out a flow run."""
ROOM = "courier__flow_run_id"
"""A variable of this process, as long as that mark: a copy writes its mark over it, where the system looks for it."""
NO_RUN = "-" * len(str(UUID(int=0)))
NO_MARK = f"{ROOM}={NO_RUN}"
ENGINE = "prefect.engine"
GARBAGE = (20_000, 20, 20)
"""How much a run makes before Python looks for garbage (`gc.set_threshold`): objects of OMERO are many and short-lived,
and looking as often as Python does by default takes 3 % of a run's time."""
IMPORTED = (  # what Prefect's engine imports on the way, and our flows with all that they do
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.deployments.steps.pull",
    "prefect.runner.runner",
    "prefect.utilities.visualization",
    "anyio._backends._asyncio",
    "flows.import_images",
    "flows.sweep_folders",
    "flows.housekeeping",
    "flows.send_message",
    "flows.put_away_later",
)


class Server:
    """Makes a process for each message, which the process itself acknowledges, and tells when each has ended."""

    def __init__(self, channel: socket.socket) -> None:
        """Prepare it.

        Args:
            channel: to the worker.
        """
        self._channel = channel
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(channel, selectors.EVENT_READ)

    def serve(self) -> dict[str, Any] | None:
        """Work until the worker has gone, which is None; or return, in a new process, what was asked of it."""
        while True:
            for key, _ in self._waiting.select():
                if key.data is not None:
                    self._tell_end(key.fd, *key.data)
                elif not (message := self._channel.recv(MOST)):
                    return None
                elif self._copy(asked := json.loads(message)):
                    return dict(asked)

    def _copy(self, asked: Mapping[str, Any]) -> bool:
        """Make a process; True in that itself."""
        number = asked["number"]
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(number=number, error=f"no process can be made: {error.strerror}")
            return False
        if pid == 0:
            os.setsid()
            self._tell(number=number, pid=os.getpid())
            self._forget()
            return True
        self._waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, number))
        return False

    def _forget(self) -> None:
        for key in list(self._waiting.get_map().values()):
            os.close(key.fd)
        self._waiting.close()
        self._channel.detach()

    def _tell_end(self, descriptor: int, pid: int, number: int) -> None:
        self._waiting.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        self._tell(number=number, status=os.waitstatus_to_exitcode(status))

    def _tell(self, **what: Any) -> None:
        self._channel.send(json.dumps(what).encode())


def become(environment: Mapping[str, str], folder: str) -> None:
    """Take on what a process that was started with this environment, in this folder, would have."""
    mark(f"{RUN_ID}={environment[RUN_ID]}")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv[:] = [ENGINE]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(*GARBAGE)
    gc.enable()


def mark(text: str) -> None:
    """Show the system, and so a later worker, which run this process carries out.

    The environment that others see (`/proc/PID/environ`) is the memory that the process began with.

    Args:
        text: name and value, as long as those that the server began with.

    Raises:
        OSError: this system does not let a process write there.
        ValueError: the variable that makes room is not there.
    """
    place = Path("/proc/self/environ").read_bytes().index(f"{NO_MARK}\0".encode())
    start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47])  # proc(5): env_start
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(start + place)
        memory.write(text.encode())


def check() -> None:
    """See that this system can do what is asked of it.

    Raises:
        OSError: it cannot; the worker then starts processes the plain way.
    """
    mark(NO_MARK)
    os.close(os.pidfd_open(os.getpid()))


def main() -> None:
    """Serve; where that returns a request, this is the process of a flow run."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    check()
    for each in IMPORTED:
        importlib.import_module(each)
    gc.collect()
    gc.disable()  # what is collected here is copied into each process
    gc.freeze()
    asked = Server(channel).serve()
    if asked is not None:
        become(asked["environment"], asked["folder"])
        sys.modules.pop(ENGINE, None)  # as where Python was started with it
        runpy.run_module(ENGINE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
