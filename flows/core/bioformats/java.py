"""A Java process that answers questions about files: started when it is first asked, and again when it has died.

It has a process group, a working directory and an environment of its own, in which there is no secret, and reaches no
network. It ends when nobody asks for a while, when `close` is called, and when whoever started it is gone, however.
"""

import atexit
import base64
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from flows.core.control import Control
from flows.core.errors import BioFormatsAway, SourceBroken

CLASSES = Path(__file__).parent
"""Where `Answers.class` lies, compiled from `Answers.java` beside it."""
IDLE_ENDED = 9
"""The exit code of a process that nobody asked (Answers.java)."""
FULL = 3
"""That of Java when its memory did not suffice (-XX:+ExitOnOutOfMemoryError)."""
NOBODYS_FAULT = (IDLE_ENDED, -9)
"""Just before it was asked it ended for want of questions, or was killed by somebody."""
START_SECONDS = 60.0
_LOOK_SECONDS = 0.25
"""How soon a cancelled import is noticed."""
_LONGEST_NOISE = 500
"""Characters of a line that Java writes to stderr, of which the last few are kept."""


class Command(NamedTuple):
    """How Java is started."""

    java: str
    jar: Path
    """Bio-Formats, whole; or a folder with the jars that it is made of, as OMERO's importer has it."""
    heap: int
    """Megabytes that it may use."""
    idle: float
    """Seconds after which it ends when nobody asks."""

    def line(self, folder: str) -> list[str]:
        """Return the argument list; `folder` is for its temporary files."""
        options = [
            "-XX:+IgnoreUnrecognizedVMOptions",
            f"-Xmx{self.heap}m",
            # It starts in a second, and soon knows what is asked again and again.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            f"-XX:ErrorFile={folder}/hs_err.log",
        ]
        properties = {
            "java.awt.headless": "true",
            "file.encoding": "UTF-8",
            "sun.jnu.encoding": "UTF-8",
            "java.io.tmpdir": folder,
            "user.home": folder,
            # Metadata may name web addresses, which Bio-Formats would open: a proxy that is not there stops that.
            **{f"{each}Host": "127.0.0.1" for each in ("socksProxy", "http.proxy", "https.proxy")},
            **{f"{each}Port": "1" for each in ("socksProxy", "http.proxy", "https.proxy")},
            "http.nonProxyHosts": "",
        }
        options += [f"-D{name}={value}" for name, value in properties.items()]
        jars = self.jar / "*" if self.jar.is_dir() else self.jar
        return [self.java, *options, "-cp", f"{jars}{os.pathsep}{CLASSES}", "Answers", str(round(self.idle))]


class Java:
    """The process; several threads may ask, each in its turn."""

    def __init__(self, command: Command, timeout: float) -> None:
        """Start nothing yet. An answer may take `timeout` seconds."""
        self._command = command
        self._timeout = timeout
        self._turns = threading.Lock()
        self._process: _Process | None = None
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """Return the process's number; None where there is none at the moment."""
        return self._process.pid if self._process and self._process.exit_code is None else None

    def ask(self, which: str, control: Control, what: str, *about: str) -> dict[str, Any]:
        """Return the answer to a question about the file `which`.

        Raises:
            SourceBroken: Java died of that file, or took too long for it.
            BioFormatsAway: Java does not start.
            ImportCancelled: it is not wanted any more.
        """
        words = (what, *(base64.b64encode(each.encode()).decode("ascii") for each in about))
        with self._turn(control):
            line = self._heard(words, which, control, may_try_again=True)
            line = line or self._heard(words, which, control, may_try_again=False)
        answer: dict[str, Any] = json.loads(line or b"{}")
        return answer

    @contextmanager
    def _turn(self, control: Control) -> Iterator[None]:
        while not self._turns.acquire(timeout=_LOOK_SECONDS):
            control.check()
        try:
            yield
        finally:
            self._turns.release()

    def _heard(self, words: Sequence[str], which: str, control: Control, *, may_try_again: bool) -> bytes | None:
        """Return what is answered; None where it ended meanwhile, but not of this question."""
        process = self._living(which, control)
        process.say(words)
        line = None
        try:
            line = process.hear(self._timeout, control)
        except TimeoutError as late:
            raise SourceBroken(
                f"Bio-Formats did not say within {self._timeout:g} seconds what it is.",
                which=which,
                advice="If it is sound, have `verification.bioformats.timeout` raised, and import it again.",
            ) from late
        finally:
            if not line:
                code = self._end()
        if not line and not (may_try_again and code in NOBODYS_FAULT):
            raise self._died(which, code, process.noise)
        return line or None

    def _living(self, which: str, control: Control) -> "_Process":
        if self._process is not None and self._process.exit_code is None:
            return self._process
        self._end()
        try:
            self._process = process = _Process(self._command)
        except OSError as failed:
            raise BioFormatsAway(f"Java does not start: {failed.strerror}.", which=which) from failed
        ready = None
        try:
            ready = process.hear(START_SECONDS, control)
        except TimeoutError:
            pass
        finally:
            if not ready:
                self._end()
        if not ready:
            raise BioFormatsAway(f"Java does not start: {process.noise or 'it says nothing'}.", which=which)
        return process

    def _died(self, which: str, code: int, noise: str) -> SourceBroken:
        if code == FULL:
            return SourceBroken(
                f"Bio-Formats needs more memory for it than {self._command.heap:,} MB.",
                which=which,
                advice="If it is sound, have `verification.bioformats.heap` raised, and import it again.",
            )
        return SourceBroken(f"Bio-Formats broke down over it ({noise or f'exit code {code}'}).", which=which)

    def close(self) -> None:
        """End it, whatever it is doing. It starts again when it is asked again."""
        self._end()

    def _end(self) -> int:
        process, self._process = self._process, None
        return process.end() if process is not None else 0


class _Process:
    """One Java process."""

    def __init__(self, command: Command) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bioformats-")
        folder = self._folder.name
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": folder}
        try:
            self._child = subprocess.Popen(
                command.line(folder),
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError:
            self._folder.cleanup()
            raise
        self.pid = self._child.pid
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._noise: deque[str] = deque(maxlen=4)
        self._ears = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._overhear)]
        for ear in self._ears:
            ear.start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith(b"{"):
                self._lines.put(line)
            else:
                # Java itself speaks, at its end.
                self._noise.append(line.decode("utf-8", "replace").strip())
        self._lines.put(b"")

    def _overhear(self) -> None:
        """Keep the last of what is written to stderr, so that it neither grows nor stops the process."""
        assert self._child.stderr is not None
        while line := self._child.stderr.readline(_LONGEST_NOISE):
            if text := line.decode("utf-8", "replace").strip():
                self._noise.append(text)

    @property
    def noise(self) -> str:
        """What it wrote last, other than answers; once it has ended."""
        return " ".join(self._noise)

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._child.poll()

    def say(self, words: Sequence[str]) -> None:
        """Ask; that nobody is there is heard in the answer."""
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):
            self._child.stdin.write(" ".join(words).encode("ascii") + b"\n")
            self._child.stdin.flush()

    def hear(self, seconds: float, control: Control) -> bytes:
        """Return the next line, or nothing where it has ended.

        Raises:
            TimeoutError: there is none yet.
            ImportCancelled: it is not wanted any more.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                return self._lines.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                control.check()
                if time.monotonic() > until:
                    raise TimeoutError from None

    def end(self) -> int:
        """End it and all that it started, and return its exit code."""
        if self._child.poll() is None:
            with suppress(ProcessLookupError):
                _kill(self._child)
        code = self._child.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        self._folder.cleanup()
        return code


def _kill(child: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)
