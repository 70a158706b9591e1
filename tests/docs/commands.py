"""Runs the commands of a page as somebody would who pastes them one after the other."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .markdown import Fence

PREAMBLE = """\
set -euo pipefail
curl() { command curl --write-out '%{stderr}\\nANSWER %{http_code} %{method} %{url_effective}\\n' "$@"; }
"""
"""Each request leaves a line with its HTTP code; what it prints is not touched."""
ANSWER = re.compile(r"^ANSWER (\d{3}) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a block of commands did."""

    fence: Fence
    printed: str
    answers: tuple[tuple[int, str], ...]
    """HTTP code and request, in order."""

    @property
    def surprises(self) -> list[tuple[int, str]]:
        """The answers that the page does not lead one to expect: not 2xx, and not announced."""
        announced = [int(code) for code in re.findall(r"#.*?\banswers (\d{3})\b", self.fence.text)]
        return [(code, request) for code, request in self.answers if code // 100 != 2 and code not in announced]


class CommandsFailed(Exception):
    """A block ended with an error."""


def run(blocks: Sequence[Fence], environment: Mapping[str, str], directory: Path, *, timeout: int) -> list[Outcome]:
    """Run the blocks in one shell, so that what one sets the next one has.

    Raises:
        CommandsFailed: one of them ended with an error, or nothing ended in time.
    """
    marked = "\n".join(f"printf '\\nBLOCK {n}\\n' | tee /dev/stderr\n{block.text}" for n, block in enumerate(blocks))
    done = subprocess.run(
        ["timeout", "--kill-after=5", str(timeout), "bash", "-c", PREAMBLE + marked],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise CommandsFailed(
            f"exit status {done.returncode} (124: not over after {timeout} s):\n{done.stdout}\n{done.stderr}"
        )
    return [
        Outcome(block, printed, tuple((int(code), request) for code, request in ANSWER.findall(said)))
        for block, printed, said in zip(blocks, _parts(done.stdout), _parts(done.stderr), strict=True)
    ]


def _parts(output: str) -> list[str]:
    return re.split(r"\nBLOCK \d+\n", output)[1:]
