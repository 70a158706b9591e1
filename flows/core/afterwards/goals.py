"""Chooses where files are moved to, so that nothing is replaced and files that name each other keep their names."""

import os
import re
from collections.abc import Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import NamedTuple

from flows.core.afterwards.below import Below
from flows.core.afterwards.failures import reason_name

SUFFIX = re.compile(r"(\.ome)?\.[^.]*$", re.IGNORECASE)


class Goals(NamedTuple):
    """Free places, relative to the root."""

    files: tuple[PurePosixPath, ...]
    """In the order of the files."""
    reason: PurePosixPath
    """Of the text that says why they failed, should they have."""


def free_goals(below: Below, aside: str, files: Sequence[PurePosixPath]) -> Goals:
    """Return places below `aside` for the files of a fileset, the first of which OMERO opens.

    They are the same as below the root. Where there is something already, a single file is called `cells (2).tif`;
    several, which may name each other, go into a folder that is called after the first: `plate.xml (2)`.
    """
    for number in count(1):
        goals = tuple(PurePosixPath(aside) / each for each in _numbered(files, number))
        reason = goals[0].with_name(reason_name(goals[0].name))
        if not any(below.is_taken(each) for each in (*goals, reason)):
            return Goals(goals, reason)
    raise AssertionError("numbers do not end")


def _numbered(files: Sequence[PurePosixPath], number: int) -> list[PurePosixPath]:
    if number == 1:
        return list(files)
    first = files[0]
    if len(files) == 1:
        name = SUFFIX.sub("", first.name) or first.name
        return [first.with_name(f"{name} ({number}){first.name[len(name) :]}")]
    common = PurePosixPath(os.path.commonpath([each.parent for each in files]))
    folder = common / f"{first.name} ({number})"
    return [folder / each.relative_to(common) for each in files]
