"""The files of a fileset that the Java importer made: whether they are those that were asked for, and their names."""

import logging
from pathlib import Path
from typing import Any

from omero.rtypes import rstring, unwrap

from flows.core.disk import told_of
from flows.core.errors import ImportRefused, SourceChanged
from flows.core.omero_client.orders import repository_path
from flows.core.omero_client.session import OmeroSession
from flows.core.requests import StagedFileset

log = logging.getLogger(__name__)

NAMED = 5
"""Files that a message names; the others are counted."""


def check_entries(session: OmeroSession, fileset: int, staged: StagedFileset) -> None:
    """See that OMERO holds the files that were asked for, with their sizes and, where it is known, their checksum.

    Bio-Formats decides which files it uses. It may leave out some of ours, which hold nothing of the image; were it to
    take others besides, they would come in without having been looked at, and perhaps once more by themselves.

    Raises:
        ImportRefused: it took others.
        SourceChanged: a file is not what was verified or staged.
    """
    ours = {repository_path(file.path): file for file in staged.files}
    held = session.rows(
        "select e.clientPath, o.size, o.hash, h.value from FilesetEntry e"
        " join e.originalFile o join o.hasher h where e.fileset.id = :fileset",
        fileset=fileset,
    )
    if strange := sorted(path for path, *_ in held if path not in ours):
        more = f" and {len(strange) - NAMED} more" if len(strange) > NAMED else ""
        raise ImportRefused(
            f"Bio-Formats takes further files as part of this image: {', '.join(strange[:NAMED])}{more}.",
            advice="Import the whole set, by naming its folder.",
        )
    if left_out := sorted(ours.keys() - {path for path, *_ in held}):
        log.warning("the Java importer made no use of %s", ", ".join(left_out[:NAMED]))
    for path, size, checksum, algorithm in held:
        file = ours[path]
        differs = file.sha1 is not None and algorithm == "SHA1-160" and file.sha1 != checksum
        if size != file.size or differs:
            raise SourceChanged("OMERO got other bytes than were checked.", which=file.client_path)


def agree_with_disk(staged: StagedFileset) -> None:
    """See that the files are still what was verified: the importer cannot say what it read.

    Raises:
        SourceError: one is not, or cannot be looked at.
    """
    if staged.staged:
        return
    times = {each.client_path: each.mtime_ns for each in staged.fileset.files}
    for file in staged.files:
        with told_of(file.client_path):
            seen = Path(file.path).stat()
        if (seen.st_size, seen.st_mtime_ns) != (file.size, times[file.client_path]):
            raise SourceChanged("The file changed since it was checked.", which=file.client_path)


def name_entries(session: OmeroSession, fileset: int, staged: StagedFileset) -> None:
    """Have OMERO remember the files as their user named them: the importer knows only where it read them."""
    named = {repository_path(file.path): repository_path(file.client_path) for file in staged.files}
    if all(read == named_so for read, named_so in named.items()):
        return
    entries = session.objects("select e from FilesetEntry e where e.fileset.id = :fileset", fileset=fileset)
    session.update.saveArray([_renamed(each, named) for each in entries])


def _renamed(entry: Any, named: dict[str, str]) -> Any:
    path = unwrap(entry.clientPath)
    entry.clientPath = rstring(named.get(path, path))
    return entry
