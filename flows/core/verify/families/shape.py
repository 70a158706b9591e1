"""What a set of files is once its family has put it together, and how a family is asked for it: types only."""

import posixpath
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flows.core.errors import SourceError, SourceIncomplete
from flows.core.verify.folders import Folder, Folders

_NAMED = 5
"""Missing files that a refusal names; the others are counted."""


class FoundSet(NamedTuple):
    """Files that OMERO has to be given together."""

    family: str
    """For people."""
    reader: str
    """Bio-Formats' class."""
    files: tuple[str, ...]
    """As the user named them; the first is the one that OMERO opens."""
    folders: tuple[str, ...] = ()
    """Folders that belong to it as a whole: nothing in them is looked at for itself."""
    wrong: SourceError | None = None
    """Why it cannot be imported."""
    plate: bool | None = False
    """Whether OMERO makes a plate of it; None where nobody knows before."""


class Family(Protocol):
    """One way in which files belong together."""

    NAME: str
    """For people."""
    READER: str
    """Bio-Formats' class."""
    OPENERS: tuple[str, ...]
    """Patterns, in lower case, of names of files that open a set: they are asked first."""

    def opener_of(self, folder: Folder, name: str, folders: Folders) -> str | None:
        """Return the path of what opens the set of the file `name` in `folder`; None where it is none of ours.

        It need not be there.

        Raises:
            SourceError: the file cannot be read, or is in no set though it says so.
        """

    def put_together(self, opener: str, folders: Folders) -> FoundSet:
        """Return the set that a file opens.

        Raises:
            SourceError: there is no such set, or not all of it.
        """


def incomplete(missing: Sequence[str], home: str, folders: Folders) -> SourceIncomplete:
    """Say which files a set lacks; `home` is the folder of the file that opens it."""
    names = [posixpath.relpath(each, home) for each in missing[:_NAMED]]
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    what = f"Files that belong to it are not there: {', '.join(names)}{more}."
    if other := folders.in_another_case(missing[0]):
        advice = f"There is {posixpath.basename(other)}: give it the name that is looked for, capitals included."
        return SourceIncomplete(what, advice=advice)
    return SourceIncomplete(what)
