"""Removes folders that putting files away left empty, once nobody has touched them for the quiet period."""

import json
import logging
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import PurePosixPath

from flows.core.afterwards.begun import PLACE, note
from flows.core.afterwards.below import Below
from flows.core.afterwards.names import is_set_aside
from flows.core.errors import SourceNotAllowed

log = logging.getLogger(__name__)

LIST = "emptied.json"


def remove_emptied(below: Below, folders: Iterable[PurePosixPath], *, quiet: timedelta, now: float) -> None:
    """Remove those of these folders, and of those of earlier sweeps, that are empty and have not changed for `quiet`.

    Taking the last file out of a folder is a change, too: an instrument may be about to write the next one. Folders
    that are too young are noted for the next sweep. The root never goes, nor what is set aside.

    Args:
        below: the root.
        folders: that files were taken out of.
        quiet: the quiet period.
        now: seconds since 1970.
    """
    noted = _noted(below)
    waiting = {folder for each in noted | set(folders) for folder in _remove(below, each, now - quiet.total_seconds())}
    if waiting == noted:
        return
    try:
        if waiting:
            note(below, LIST, json.dumps(sorted(map(str, waiting))))
        else:
            (below.root / PLACE / LIST).unlink()
    except OSError as failed:
        log.warning("Empty folders below %s may stay: %s", below.root, failed)


def _noted(below: Below) -> set[PurePosixPath]:
    try:
        return {PurePosixPath(each) for each in json.loads((below.root / PLACE / LIST).read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()


def _remove(below: Below, folder: PurePosixPath, latest: float) -> list[PurePosixPath]:
    """Remove a folder and those above it that get empty; return the one that is empty but too young."""
    try:
        changed = _changed(below, folder)
        while folder.parts and not is_set_aside(folder) and below.is_empty(folder):
            if changed > latest:
                return [folder]
            above = _changed(below, folder.parent)
            with below.folder(folder.parent) as parent:
                os.rmdir(folder.name, dir_fd=parent)
            folder, changed = folder.parent, above
    except (OSError, SourceNotAllowed) as failed:
        log.debug("%s below %s stays: %s", folder, below.root, failed)
    return []


def _changed(below: Below, folder: PurePosixPath) -> float:
    return (below.root / folder).lstat().st_mtime
