"""Runs a command while one line says what it is doing and for how long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVERY_SECONDS_ON_A_TERMINAL = 0.5
EVERY_SECONDS_IN_A_LOG = 20.0
_CONFLICTING = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV",
)


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def say(line: str) -> None:
    """Write a line that stays."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without what would make pip install somewhere else, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in _CONFLICTING}
    return {**kept, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(extra or {})}


def quiet(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a short command and return its output; a program that cannot be started is an exit status, too."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    except OSError as error:
        return subprocess.CompletedProcess(list(command), 127, "", str(error))


def run(
    what: str,
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    detail: Callable[[str], str] = lambda written: "",
) -> None:
    """Run `command` with its output in `log`, telling `what`, the time and `detail(output)` meanwhile.

    Raises:
        SetupError: it ended with another status than 0; carries the end of its output.
    """
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=clean_environment(environment)
        )
        try:
            status = _watch(process, what, began, log, detail)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if status:
        raise SetupError(f"{what}: failed with status {status}. The whole output is in {log}; it ends:\n{_end(log)}")
    say(f"{what}: done in {elapsed(time.monotonic() - began)}")


def _watch(process: subprocess.Popen[bytes], what: str, began: float, log: Path, detail: Callable[[str], str]) -> int:
    terminal = sys.stdout.isatty()
    every = EVERY_SECONDS_ON_A_TERMINAL if terminal else EVERY_SECONDS_IN_A_LOG
    if not terminal:
        say(f"{what} ...")
    while True:
        try:
            status = process.wait(timeout=every)
        except subprocess.TimeoutExpired:
            _show(f"{what}: {elapsed(time.monotonic() - began)}  {detail(_read(log))}", terminal=terminal)
        else:
            if terminal:
                sys.stdout.write("\r\033[K")
            return status


def _show(line: str, *, terminal: bool) -> None:
    if terminal:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
        sys.stdout.write(f"\r\033[K{line[: width - 1]}")
        sys.stdout.flush()
    else:
        say(line)


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _end(log: Path, lines: int = 15) -> str:
    return "\n".join(f"    {line[:200]}" for line in _read(log).splitlines()[-lines:])


def elapsed(seconds: float) -> str:
    """Write a duration for people: `42 s`, `3 min 05 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"
