"""A source, a staging area, and a control that watches."""

from collections.abc import Callable
from pathlib import Path

from flows.core.control import Stage, Uncontrolled
from flows.core.errors import ImportCancelled
from flows.core.requests import Fileset, SourceFile, StagedFileset, Staging, VerifiedFileset
from flows.core.settings import StagingArea
from flows.core.transfer import transfer_fileset

CHUNK = 1000
CONTENT = bytes(range(256)) * 21
"""Some five chunks and a bit."""


class Watch(Uncontrolled):
    """Keeps what a stage says, and does something at the n-th look whether it should go on."""

    def __init__(self, at: int = -1, do: Callable[[], object] = lambda: None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.looks, self.at, self.do = 0, at, do
        self.paced: list[int] = []

    def moved(self, key: str, stage: Stage, done: int, total: int) -> None:
        assert stage is Stage.TRANSFER
        self.seen.append((done, total))

    def check(self) -> None:
        self.looks += 1
        if self.looks == self.at:
            self.do()

    def pace(self, count: int) -> None:
        self.paced.append(count)


def cancel() -> None:
    raise ImportCancelled


def crash() -> None:
    raise RuntimeError("the worker died")


def verified(*paths: Path) -> VerifiedFileset:
    looks = [(path, path.stat()) for path in paths]
    files = tuple(
        SourceFile(path=str(path), client_path=str(path), size=look.st_size, mtime_ns=look.st_mtime_ns)
        for path, look in looks
    )
    return VerifiedFileset(fileset=Fileset(files=files), format="TIFF")


def stage(what: VerifiedFileset, area: StagingArea, control: Watch | None = None) -> StagedFileset:
    return transfer_fileset(what, staging=area, mode=Staging.STAGE, run_id="run-1", control=control or Watch())


def left_in(area: StagingArea) -> list[Path]:
    assert area.directory is not None
    return [path for path in area.directory.rglob("*") if path.is_file()]
