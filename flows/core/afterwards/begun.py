"""Notes, below a folder that is looked after, what is about to be done there: a crash leaves nothing half-done.

A note is on the disk before the first file of a fileset is moved or deleted, and goes when the last one is and the
audit trail says so. What a dead process left is finished by the next sweep, or by the next process that looks
after the files of the same import.
"""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from flows.core.afterwards.below import Below
from flows.core.afterwards.items import Deed
from flows.core.afterwards.names import OWN

log = logging.getLogger(__name__)

NOTES = "*.deed.json"
PLACE = PurePosixPath(OWN)
"""The folder of the notes."""


def begin(below: Below, deed: Deed) -> None:
    """Note what is about to be done.

    Raises:
        OSError, SourceNotAllowed: it cannot be noted.
    """
    with below.folder(PLACE, make=True) as folder:
        with suppress(OSError):  # of a share that keeps no modes
            os.fchmod(folder, 0o700)
        name = _name(deed)
        _write(folder, name, json.dumps(deed.model_dump(mode="json")))


def end(below: Below, deed: Deed) -> None:
    """Forget it: it was done, or nothing of it was.

    Raises:
        OSError: that cannot be noted; it is looked at again.
    """
    with suppress(FileNotFoundError):
        (below.root / PLACE / _name(deed)).unlink()


def begun(below: Below, run_id: str | None = None) -> list[Deed]:
    """Return what a process had begun and did not live to end: a sweep, or who looks after one import.

    Raises:
        OSError: it cannot be read.
    """
    deeds = _all(below)
    return [each for each in deeds if (each.item.run_id if each.of_import else None) == run_id]


def _all(below: Below) -> list[Deed]:
    deeds = []
    for path in sorted((below.root / PLACE).glob(NOTES)):
        try:
            deeds.append(Deed.model_validate_json(path.read_bytes()))
        except ValidationError as wrong:
            log.error("%s is no note of ours, and is left alone: %s", path, wrong)
    return deeds


def files_begun(root: Path) -> frozenset[str]:
    """Return the files, by path, of which a dead process may have moved or deleted some: no sweep takes the others.

    Raises:
        OSError: it cannot be read.
    """
    return frozenset(file.path for deed in _all(Below(root)) for file in deed.item.fileset.files)


def note(below: Below, name: str, text: str) -> None:
    """Keep a text of another kind in the same folder.

    Raises:
        OSError, SourceNotAllowed: it cannot be written.
    """
    with below.folder(PLACE, make=True) as folder:
        _write(folder, name, text)


def clear(below: Below) -> None:
    """Remove the folder of the notes where it is empty."""
    with suppress(OSError):
        (below.root / PLACE).rmdir()


def _name(deed: Deed) -> str:
    of_import = f".{deed.item.run_id}" if deed.of_import else ""
    return f"{deed.item.fileset.key}{of_import}.deed.json"


def _write(folder: int, name: str, text: str) -> None:
    """Write a file that is there whole or not at all, also after the power failed."""
    partial = f"{name}.partial"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
