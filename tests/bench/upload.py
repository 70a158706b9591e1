"""Uploading into the OMERO stand-in over ssl, against the plain loop of omero-py's own test library.

Timed from asking for the import until OMERO has compared the checksums: the same phases on both sides. What OMERO does
with the images afterwards is waited for, not timed.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import omero
import omero.clients
from pydantic import SecretStr

from flows.core.control import Stage, Uncontrolled
from flows.core.omero_client import ImportDetails, import_fileset, log_in
from flows.core.omero_client.commands import delete_filesets
from flows.core.settings import OmeroServer
from tests.bench import naive
from tests.bench.figures import Figure, Sizes, interleaved, seconds, times_faster
from tests.bench.material import padded_image, sparse_image, staged
from tests.bench.rigs import PROJECT, omero_stand_in
from tests.support.understudy import Understudy

PRODUCT, PLAIN, ONE_BY_ONE = "courier", "plain loop", "courier, one file after another"
USER = PASSWORD = "alice"
"""As a new stand-in knows her."""
LATENCY = 0.010
"""Seconds that each write takes longer, as it does where the server writes to a database at each."""
FLAT = 300
"""MB."""


class Stopwatch(Uncontrolled):
    """Notes when the upload was complete and its checksums compared."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.uploaded: float | None = None

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        """Look for the stage that comes after the upload."""
        if stage is Stage.IMPORT and self.uploaded is None:
            self.uploaded = time.perf_counter() - self._began


class Contenders:
    """Both sides, logged in to the same stand-in."""

    def __init__(self, at: Understudy) -> None:
        self._session = log_in(OmeroServer(host=at.host, port=at.ssl_port), USER, SecretStr(PASSWORD))
        self._client = omero.client(host=at.host, port=at.ssl_port)
        self._client.createSession(USER, PASSWORD)

    def product(self, *paths: Path) -> float:
        """Import as the product does; all files are one fileset."""
        watch = Stopwatch()
        import_fileset(
            self._session,
            staged(*paths),
            target=None,
            details=ImportDetails(),
            control=watch,
            run_key=f"bench/{uuid4()}",
        )
        assert watch.uploaded is not None
        return watch.uploaded

    def one_by_one(self, *paths: Path) -> float:
        """Import as the product does, each file as a fileset of its own, one after the other."""
        return sum(self.product(path) for path in paths)

    def plain(self, *paths: Path) -> float:
        """Import as omero-py's tests do."""
        handles: list[tuple[Any, Any]] = []

        def upload() -> None:
            process = naive.import_process(self._client, paths)
            handles.append((process, process.verifyUpload(naive.upload_folder(self._client, process, paths))))

        took = seconds(upload)
        naive.finish(self._client, *handles[0])
        return took

    def clear(self) -> None:
        """Remove what was imported."""
        delete_filesets(self._session, {row[0] for row in self._session.rows("select f.id from Fileset f")})

    def close(self) -> None:
        """Log out."""
        self._session.close()
        self._client.closeSession()


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """One large file; four side by side; each without and with latency; memory."""
    one = [padded_image(folder / "one.ome.tiff", sizes.one_file)]
    four = [padded_image(folder / f"four-{number}.ome.tiff", sizes.each_of_four) for number in range(4)]
    with omero_stand_in(folder / "stand-in") as at:
        both = Contenders(at)
        try:
            both.product(*one)
            both.plain(*one)
            yield from _one_file(both, at, one, sizes.rounds)
            yield from _four_files(both, at, four, sizes.rounds)
        finally:
            both.close()
        yield _memory(at, folder, sizes.sparse)


def _one_file(both: Contenders, at: Understudy, paths: Sequence[Path], rounds: int) -> Iterator[Figure]:
    sides: dict[str, Callable[[], float]] = {PRODUCT: lambda: both.product(*paths), PLAIN: lambda: both.plain(*paths)}
    samples = interleaved(rounds, sides, both.clear)
    yield Figure("upload: one file", times_faster(samples, PRODUCT, PLAIN), "x", 1.3, None, samples)
    at.control.latency(write=LATENCY)
    samples = interleaved(rounds, sides, both.clear)
    at.control.latency(write=0)
    yield Figure("upload: one file, 10 ms per write", times_faster(samples, PRODUCT, PLAIN), "x", 3.0, None, samples)


def _four_files(both: Contenders, at: Understudy, paths: Sequence[Path], rounds: int) -> Iterator[Figure]:
    sides: dict[str, Callable[[], float]] = {
        PRODUCT: lambda: both.product(*paths),
        ONE_BY_ONE: lambda: both.one_by_one(*paths),
        PLAIN: lambda: both.plain(*paths),
    }
    for latency, suffix, target in ((0.0, "", None), (LATENCY, ", 10 ms per write", 5.0)):
        at.control.latency(write=latency)
        samples = interleaved(rounds, sides, both.clear)
        yield Figure(f"upload: four files{suffix}", times_faster(samples, PRODUCT, PLAIN), "x", target, None, samples)
        own = {name: samples[name] for name in (PRODUCT, ONE_BY_ONE)}
        faster = times_faster(own, PRODUCT, ONE_BY_ONE)
        yield Figure(f"upload: four at a time against one{suffix}", faster, "x", 1.0, None, own)
    at.control.latency(write=0)


def _memory(at: Understudy, folder: Path, size: int) -> Figure:
    """Have a process of its own upload a huge file, and say how large it grew."""
    asked = {
        "path": str(sparse_image(folder / "sparse.ome.tiff", size)),
        "port": at.ssl_port,
        "user": USER,
        "password": PASSWORD,
    }
    command = [sys.executable, "-m", "tests.bench.sparse_client"]
    done = subprocess.run(command, input=json.dumps(asked).encode(), cwd=PROJECT, capture_output=True, check=True)
    answer = json.loads(done.stdout)
    return Figure(
        f"upload: memory for a sparse file of {size / 1e9:g} GB",
        answer["peak"] / 1e6,
        "MB",
        None,
        FLAT,
        {"before": [answer["before"] / 1e6], "peak": [answer["peak"] / 1e6]},
        "MB",
    )
