"""A digest of the rules that hold in a folder: while it and the folder stay the same, so does what was decided."""

import os
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version

from flows.core.bioformats.locate import located
from flows.core.settings import Verification
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.listing import Listing
from flows.core.sweep.rules import SIDECARS


class Context:
    """The rules of a sweep, folder by folder."""

    def __init__(self, definition: SweepDefinition, verification: Verification) -> None:
        """Take them all: another version of the courier reads other formats, another table knows other users."""
        parts = (
            definition.model_dump_json(include={"files", "settled", "assign", "afterwards"}),
            verification.model_dump_json(),
            _version(),
            str(located(verification.bioformats)),
            _looks(str(definition.assign.table.file)) if definition.assign.table else "",
        )
        self._sidecars = definition.assign.sidecars or definition.settled.sidecar
        self.root = _digest("\0".join(parts).encode())
        """In the root, before its own sidecars."""

    def inside(self, above: bytes, listing: Listing) -> bytes:
        """Return the digest in a folder: that of the one above, changed by the folder's own sidecars."""
        if not self._sidecars:
            return above
        found = [row for row in listing.rows if row[0].lower() in SIDECARS]
        return _digest(above + repr(found).encode()) if found else above


def _digest(parts: bytes) -> bytes:
    return blake2b(parts, digest_size=8).digest()


def _version() -> str:
    try:
        return version("omero-courier")
    except PackageNotFoundError:
        return ""


def _looks(path: str) -> str:
    try:
        look = os.stat(path)  # noqa: PTH116
    except OSError as failed:
        return str(failed.errno)
    return f"{look.st_size} {look.st_mtime_ns}"
