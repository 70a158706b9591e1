"""The peer of the upload: what omero-py's own test library does (omero.testlib: AbstractRepoTest.full_import).

Writes of 1,000,000 bytes, one after another and each waited for; then a second pass over the file for its checksum,
by `omero.client.sha1`; one file after the other. The library itself needs pytest and a test case to be a method of.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import omero
import omero.clients
from omero.callbacks import CmdCallbackI
from omero.model import ChecksumAlgorithmI, FilesetEntryI, FilesetI, UploadJobI
from omero.rtypes import rbool, rstring

BLOCK = 1000 * 1000


def import_process(client: Any, paths: Sequence[Path]) -> Any:
    """Begin an import (AbstractRepoTest.create_fileset, create_settings)."""
    fileset = FilesetI()
    for path in paths:
        entry = FilesetEntryI()
        entry.setClientPath(rstring(str(path)))
        fileset.addFilesetEntry(entry)
    fileset.linkJob(UploadJobI())
    settings = omero.grid.ImportSettings()
    settings.doThumbnails = rbool(True)
    settings.noStatsInfo = rbool(False)
    settings.checksumAlgorithm = ChecksumAlgorithmI()
    settings.checksumAlgorithm.value = rstring("SHA1-160")
    return client.getManagedRepository().importFileset(fileset, settings)


def upload_folder(client: Any, process: Any, paths: Sequence[Path]) -> list[str]:
    """Send the files, and return their checksums (AbstractRepoTest.upload_folder)."""
    checksums = []
    for index, path in enumerate(paths):
        store = process.getUploader(index)
        try:
            with path.open("rb") as file:
                offset = 0
                store.write(b"", offset, 0)
                while block := file.read(BLOCK):
                    store.write(block, offset, len(block))
                    offset += len(block)
                checksums.append(client.sha1(str(path)))
        finally:
            store.close()
    return checksums


def finish(client: Any, process: Any, handle: Any) -> None:
    """Wait for OMERO to have read the images (AbstractRepoTest.assert_import)."""
    try:
        callback = CmdCallbackI(client, handle)
        callback.loop(2000, 100)
        response = callback.getResponse()
        callback.close(True)
    finally:
        process.close()
    if isinstance(response, omero.cmd.ERR):
        raise RuntimeError(f"{response.category} {response.name} {response.parameters}")
