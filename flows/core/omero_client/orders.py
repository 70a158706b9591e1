"""Writes the import order that OMERO wants: the fileset with its entries, and the settings of its import."""

import platform
from collections.abc import Sequence
from functools import cache
from typing import Any

import omero
import omero.clients
from omero.model import (
    DatasetI,
    FilesetEntryI,
    FilesetI,
    NamedValue,
    ScreenI,
    UploadJobI,
)
from omero.rtypes import rbool, rstring
from omero_version import omero_version

from flows.core.omero_client.annotations import ImportDetails, marks_for
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.requests import Placement, StagedFileset

_SAFE = str.maketrans({**dict.fromkeys(map(chr, range(0x20)), "_"), **dict(zip('"*:<>?\\|', "'x;[]%!!", strict=True))})
_RESERVED = {"AUX", "CLOCK$", "CON", "NUL", "PRN", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


def repository_path(client_path: str) -> str:
    """Write a path as OMERO's own importer does, so that every repository takes it.

    (omero-blitz: ClientFilePathTransformer, MakePathComponentSafe, FilePathRestrictionInstance.WINDOWS_REQUIRED)
    """
    readable = client_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "/".join(_safe(part) for part in readable.split("/") if part)


def new_fileset(staged: StagedFileset, run_key: str, nonce: str, placement: Placement = Placement.UPLOAD) -> Any:
    """Return the fileset to be saved; its first entry is what Bio-Formats opens (omero-blitz: ManagedRepositoryI)."""
    made = FilesetI()
    for file in staged.files:
        entry = FilesetEntryI()
        entry.clientPath = rstring(repository_path(file.client_path))
        made.addFilesetEntry(entry)
    for mark in marks_for(staged.fileset, run_key, nonce, placement):
        made.linkAnnotation(mark)
    job = UploadJobI()
    job.setVersionInfo(_version_info(staged.fileset.reader))
    made.linkJob(job)
    return made


def import_settings(
    session: OmeroSession, target: ResolvedTarget | None, details: ImportDetails, annotations: Sequence[Any]
) -> Any:
    """Return the settings of an import, the checksum algorithm agreed with OMERO.

    Raises:
        OmeroMisused: OMERO takes none of the algorithms that the settings offer.
    """
    asked = omero.grid.ImportSettings()
    asked.doThumbnails = rbool(True)
    asked.noStatsInfo = rbool(False)
    asked.userSpecifiedTarget = _unloaded(target)
    asked.userSpecifiedName = rstring(details.name) if details.name else None
    asked.userSpecifiedDescription = rstring(details.description) if details.description else None
    asked.userSpecifiedAnnotationList = list(annotations) or None
    asked.checksumAlgorithm = session.checksum_algorithm
    return asked


def _safe(part: str) -> str:
    upper = part.upper()
    if upper in _RESERVED:
        part = f"{part}_"
    if upper.startswith("$") or (upper.partition(".")[0] in _RESERVED and "." in upper):
        part = f"_{part}"
    return part.translate(_SAFE)


def _unloaded(target: ResolvedTarget | None) -> Any:
    if target is None:
        return None
    return {"Dataset": DatasetI, "Screen": ScreenI}[target.kind](target.id, False)


@cache
def _version_info(reader: str | None) -> list[Any]:
    system = platform.uname()
    info = {
        "omero.version": omero_version,
        "client.language.name": "Python",
        "client.language.version": platform.python_version(),
        "os.name": system.system,
        "os.version": system.release,
        "os.architecture": system.machine,
    }
    if reader:
        info["bioformats.reader"] = reader
    return [NamedValue(name, value) for name, value in info.items()]
