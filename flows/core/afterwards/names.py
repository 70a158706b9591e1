"""Names, directly below a root or a swept folder, of folders of our own, which are never swept; plain text."""

from pathlib import PurePath

IMPORTED = "imported"
"""Where files go that were imported."""
FAILED = "failed"
"""Where files go that failed for good."""
OWN = ".omero-courier"
"""Where is noted what was begun with files and has not ended yet; removed when it is empty."""
SET_ASIDE = frozenset({IMPORTED, FAILED, OWN})
"""Of lower-case letters, since a share may not tell `Imported` from `imported`: see `is_set_aside`."""
REASON = ".reason.txt"
"""What follows the name of a file that failed, in the name of the text that says why."""


def is_set_aside(relative: PurePath) -> bool:
    """Whether a path below the root, relative to it, is one of these folders or lies in one."""
    return bool(relative.parts) and relative.parts[0].casefold() in SET_ASIDE
