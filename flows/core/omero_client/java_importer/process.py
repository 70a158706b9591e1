"""Runs the importer as a process group of its own: hears what it says as it says it, and ends it for certain."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from flows.core.errors import ImporterFailed
from flows.core.omero_client.faults import blank
from flows.core.omero_client.java_importer.command import ARGUMENTS, OMERO_FOLDER
from flows.core.requests import Frozen

log = logging.getLogger(__name__)

FRONT = Path(__file__).with_name("front.py")
LOOK = 0.2
"""Seconds between two looks at whether the import is still wanted."""
GRACE = 3.0
"""Seconds between asking the importer to end and making it end."""
KEPT = 64 * 1024
"""Characters of what it says that are kept, from the end: a failure says why at the end."""
PIECE = 64 * 1024


class Ended(Frozen):
    """How it ended, and what it had said."""

    status: int
    """Its exit status; below zero the signal that ended it."""
    started: bool
    """Whether Java itself was started: before that, the status is the Python command's."""
    printed: str
    """What it printed as its result."""
    said: str
    """What it said besides, from the end; without anything that could be a key."""


class Watcher(Protocol):
    """Follows an import."""

    def heard(self, line: str) -> None:
        """It said this."""

    def look(self, running: "Running") -> None:
        """Asked every now and then, and after each line; raises what ends the import."""


class Running:
    """The importer while it runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take over a process that leads a group."""
        self._process = process

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do nothing meanwhile: it knows of no limits and no pauses itself."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Ask the whole group to end; make it, when it does not within seconds."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, what)


def run(
    arguments: Sequence[str], *, java: str, folder: Path, environment: Mapping[str, str], watcher: Watcher
) -> Ended:
    """Run `omero` with these arguments to its end.

    Args:
        arguments: what follows `omero`.
        java: the program to run.
        folder: of this call: its working directory, and the place of the file with Java's command line.
        environment: all that it sees of one.
        watcher: told of each line, asked whether to go on; what it raises ends the whole process group.

    Raises:
        ImporterFailed: it could not be started.
    """
    order = {
        "arguments": list(arguments),
        "java": java,
        "arguments_file": str(folder / ARGUMENTS),
        "sessions": str(folder / OMERO_FOLDER),
        "parent": os.getpid(),
    }
    with _started(folder, environment) as process:
        running = Running(process)
        try:
            return _followed(process, running, json.dumps(order).encode(), folder, watcher)
        finally:
            # Also of a leader that has ended a child may be left.
            running.end()


def _started(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-I", str(FRONT)],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as failed:
        raise ImporterFailed(f"The Java importer could not be started: {failed}") from None


def _followed(
    process: subprocess.Popen[bytes], running: Running, order: bytes, folder: Path, watcher: Watcher
) -> Ended:
    assert process.stdin, "a pipe"
    with suppress(BrokenPipeError):
        process.stdin.write(order)
        process.stdin.close()
    printed, said = Tail(), Tail()
    for pipe, text in _pieces(process):
        if pipe is process.stdout:
            printed.add(text)
        elif text:
            for line in said.add(text):
                watcher.heard(line)
            # Java has read it when it speaks; it is never needed again.
            if said.lines and (folder / ARGUMENTS).exists() and "LoggingImportMonitor" in said.text:
                (folder / ARGUMENTS).write_text("")
        watcher.look(running)
    started = (folder / ARGUMENTS).exists()
    return Ended(status=process.wait(), started=started, printed=printed.text, said=blank(said.text))


class Tail:
    """The end of a text that comes in pieces."""

    def __init__(self) -> None:
        """Begin empty."""
        self.text = ""
        self.lines = 0
        self._rest = ""

    def add(self, text: str) -> list[str]:
        """Append a piece, and return the lines that it completes."""
        self.text = (self.text + text)[-KEPT:]
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-KEPT:]
        self.lines += len(lines)
        return lines


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[tuple[IO[bytes] | None, str]]:
    """Yield what comes out of either pipe, and nothing every now and then, until both are closed or it has ended."""
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            assert pipe, "a pipe"
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ)
        next_look = time.monotonic() + LOOK
        while True:
            ready = selector.select(max(next_look - time.monotonic(), 0))
            for key, _ in ready:
                piece = os.read(key.fd, PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                    continue
                yield key.fileobj, piece.decode("utf-8", "replace")  # type: ignore[misc]
            if not ready and process.poll() is not None:
                return
            if time.monotonic() >= next_look:
                yield None, ""
                next_look = time.monotonic() + LOOK
