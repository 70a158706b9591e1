"""Looking at a watched folder of very many files, against `find`, which prints name, size and time of each.

Both find the tree in the cache of the system. A look runs in a process of its own, which tells its time, its start not
included, and the most memory that it had.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flows.core.requests import Fileset, SourceFile
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Verdict
from tests.bench.figures import Figure, Sizes, interleaved, seconds, times_faster
from tests.bench.rigs import PROJECT

FIND, FIRST, ARRIVED, HANDED_OVER, QUIET = (
    "find",
    "first look",
    "look as they arrive",
    "look that takes them",
    "idle look",
)
FILES_IN_A_FOLDER = 50
NEW_OF = 1000
"""One file of this many is new."""
DAY = 86_400.0
MOST_MEMORY = 500
"""MB."""


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """A first look, with an empty memory; later ones, with nearly everything imported and a few new files."""
    now = time.time()
    root, known = folder / "watched", folder / "known.sqlite"
    files = make_tree(root, sizes.swept_folders, now - DAY)
    fill(known, root, now)
    look(root, known, now + DAY)
    arrive(root, sizes.swept_folders, files // NEW_OF, now + DAY)
    peaks: list[float] = []
    contenders = _contenders(root, known, now + DAY, peaks)
    samples = interleaved(sizes.rounds, contenders)
    named = f"{files:,} files in {sizes.swept_folders:,} folders"
    for ours, target in ((FIRST, 3.0), (ARRIVED, 2.5), (HANDED_OVER, 2.5), (QUIET, 2.5)):
        pair = {name: samples[name] for name in (ours, FIND)}
        yield Figure(f"sweep: {ours}, {named}", 1 / times_faster(pair, ours, FIND), "x", None, target, pair)
    yield Figure("sweep: memory", max(peaks), "MB", None, MOST_MEMORY, {"peak": peaks}, "MB")


def _contenders(root: Path, known: Path, now: float, peaks: list[float]) -> dict[str, Callable[[], float]]:
    """What is compared; each look finds the memory as it was when there were no new files yet."""
    memory = known.with_name("memory.sqlite")

    def find() -> float:
        with Path(os.devnull).open("wb") as nowhere:
            command = ["find", root, "-printf", "%p %s %T@\\n"]
            return seconds(lambda: subprocess.run(command, stdout=nowhere, check=True))

    def looks(*, fresh: bool = False, before: int = 0) -> float:
        memory.unlink(missing_ok=True)
        if not fresh:
            shutil.copy(known, memory)
        for number in range(before):
            look(root, memory, now + 600 * number)
        found = look(root, memory, now + 600 * before)
        peaks.append(found["peak"] / 1e6)
        return float(found["seconds"])

    return {
        FIND: find,
        FIRST: lambda: looks(fresh=True),
        ARRIVED: looks,
        HANDED_OVER: lambda: looks(before=1),
        QUIET: lambda: looks(before=2),
    }


def make_tree(root: Path, folders: int, when: float) -> int:
    """Write small files that are older than any quiet period, and return how many."""
    for number in range(folders):
        for each in range(FILES_IN_A_FOLDER):
            _write(_place(root, number) / f"image_{number:05}_{each:03}.ome.tiff", when)
    return folders * FILES_IN_A_FOLDER


def arrive(root: Path, folders: int, files: int, when: float) -> None:
    """Write one new file into each of so many folders."""
    for number in range(files):
        _write(_place(root, number * folders // files) / "new.ome.tiff", when - 3600)


def _place(root: Path, number: int) -> Path:
    return root / f"user{number % 20:02}" / f"project{number // 400:02}" / f"dataset{number:05}"


def _write(path: Path, when: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"image")
    os.utime(path, (when, when))


def fill(file: Path, root: Path, now: float) -> None:
    """Remember everything as imported."""
    with Memory.opened(file) as memory:
        memory.remember(_imported(path, now) for path in root.rglob("*.tiff"))


def _imported(path: Path, now: float) -> Remembered:
    seen = path.stat()
    found = SourceFile(path=str(path), client_path=str(path), size=seen.st_size, mtime_ns=seen.st_mtime_ns)
    return Remembered(
        fileset=Fileset(files=(found,)),
        verdict=Verdict.IMPORTED,
        code="imported",
        reason="OMERO holds it.",
        run_id="bench",
        since=now,
    )


def look(root: Path, memory: Path, now: float) -> dict[str, Any]:
    """Have a process look once."""
    asked = json.dumps({"root": str(root), "memory": str(memory), "now": now})
    command = [sys.executable, "-m", "tests.bench.sweep_look"]
    done = subprocess.run(command, input=asked.encode(), cwd=PROJECT, capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
