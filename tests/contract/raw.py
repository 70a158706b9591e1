"""An import as a process leaves it that dies: called step by step, and nothing is cleaned up."""

import hashlib
from pathlib import Path
from typing import Any

from flows.core.omero_client import ImportDetails, OmeroSession
from flows.core.omero_client.orders import import_settings, new_fileset
from flows.core.requests import StagedFileset


def create(session: OmeroSession, staged: StagedFileset, run_key: str) -> Any:
    """Make the fileset with its marks, and return the import process."""
    settings = import_settings(session, None, ImportDetails(), [])
    return session.repository.importFileset(new_fileset(staged, run_key, "somebody else's"), settings)


def upload(process: Any, staged: StagedFileset) -> list[str]:
    """Send the bytes and return their checksums."""
    sums = []
    for index, file in enumerate(staged.files):
        data = Path(file.path).read_bytes()
        store = process.getUploader(index)
        store.write(data, 0, len(data))
        store.close()
        sums.append(sha1(Path(file.path)))
    return sums


def sha1(path: Path) -> str:
    """Return what OMERO will say of these bytes."""
    return hashlib.sha1(path.read_bytes()).hexdigest()


def start(session: OmeroSession, staged: StagedFileset, run_key: str) -> Any:
    """Have OMERO import it, and return the handle."""
    process = create(session, staged, run_key)
    return process.verifyUpload(upload(process, staged))
