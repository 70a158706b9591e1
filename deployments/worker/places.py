"""Where the workers of a machine are found: one directory with a few small files for each, by its name."""

import getpass
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from flows.core.settings import Worker

_OURS_ALONE = 0o700
ORDERS_ENDING = ".orders.json"


class WorkerProblem(Exception):
    """A worker cannot be started or found; says why, and what to do."""


class Entry(BaseModel):
    """A worker that runs, as it entered itself."""

    model_config = ConfigDict(frozen=True)

    name: str
    pool: str
    pid: int
    began: float
    """When its process began: another one may have the same number later."""

    def process(self) -> psutil.Process | None:
        """Return its process if it still lives."""
        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.began and process.is_running() else None
        except psutil.NoSuchProcess:
            return None


class Places:
    """The files of one worker."""

    def __init__(self, directory: Path, name: str) -> None:
        """Name them; nothing is written yet."""
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", name)
        self.entry = directory / f"{stem}.worker.json"
        self.orders = directory / f"{stem}{ORDERS_ENDING}"
        self.drain = directory / f"{stem}.drain"
        """There: the worker is asked to stop. A file, since Windows knows no signal for it."""


def directory_of(settings: Worker) -> Path:
    """Return the directory of this machine's workers, made where it is missing.

    Raises:
        WorkerProblem: it belongs to somebody else.
    """
    directory = settings.directory or Path(tempfile.gettempdir(), f"omero-courier-{getpass.getuser()}")
    directory.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and directory.stat().st_uid != os.getuid():
        raise WorkerProblem(f"{directory} belongs to another account: name a directory in COURIER_WORKER__DIRECTORY.")
    return directory


@contextmanager
def entered(directory: Path, name: str, pool: str) -> Iterator[Places]:
    """Enter a worker, for as long as it runs.

    Raises:
        WorkerProblem: one of this name runs already.
    """
    places = Places(directory, name)
    if any(each.name == name for each in running(directory)):
        raise WorkerProblem(f"A worker named {name} runs on this machine already: give this one another --name.")
    me = psutil.Process()
    entry = Entry(name=name, pool=pool, pid=me.pid, began=me.create_time())
    places.drain.unlink(missing_ok=True)
    partial = places.entry.with_suffix(".partial")
    partial.write_text(entry.model_dump_json())
    partial.replace(places.entry)
    try:
        yield places
    finally:
        for each in (places.entry, places.orders, places.drain):
            each.unlink(missing_ok=True)


def running(directory: Path, pool: str | None = None) -> list[Entry]:
    """Return the workers that run, of one pool or of all."""
    found = []
    for file in sorted(directory.glob("*.worker.json")):
        try:
            entry = Entry.model_validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError):  # it just stopped, or died while it entered itself
            continue
        if pool in (None, entry.pool) and entry.process() is not None:
            found.append(entry)
    return found
