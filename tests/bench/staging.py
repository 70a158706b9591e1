"""Staging one large file with its checksum, against what people would type."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from flows.core.requests import Staging
from flows.core.settings import StagingArea
from flows.core.transfer import transfer_fileset
from tests.bench.figures import Figure, Sizes, interleaved, seconds, times_faster
from tests.bench.material import random_file, verified

PRODUCT, CP, RSYNC = "courier", "cp, sha1sum of both", "rsync"


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Copy and hash; each contender finds the source in the page cache, and no copy."""
    source = random_file(folder / "source.bin", sizes.staged)
    copies = folder / "copies"

    def between() -> None:
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir()
        os.sync()
        _read(source)

    contenders = {
        PRODUCT: lambda: seconds(lambda: _stage(source, copies)),
        CP: lambda: seconds(lambda: _copy_and_hash(source, copies / "copy")),
    }
    if shutil.which("rsync"):
        contenders[RSYNC] = lambda: seconds(lambda: _run("rsync", source, copies / "copy"))
    samples = interleaved(sizes.rounds, contenders, between)
    yield Figure(
        "staging: against cp, then sha1sum of both", times_faster(samples, PRODUCT, CP), "x", 1.8, None, samples
    )
    if RSYNC in samples:
        yield Figure("staging: against rsync", times_faster(samples, PRODUCT, RSYNC), "x", 1.0, None, samples)
    shutil.rmtree(copies)
    source.unlink()


def _stage(source: Path, copies: Path) -> None:
    transfer_fileset(
        verified(source), staging=StagingArea(directory=copies, keep_free=0), mode=Staging.STAGE, run_id="bench"
    )


def _copy_and_hash(source: Path, copy: Path) -> None:
    _run("cp", source, copy)
    _run("sha1sum", source, copy)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(8 * 1024**2)
        while file.readinto(buffer):
            pass
