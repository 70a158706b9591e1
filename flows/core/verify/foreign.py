"""Files that our own rules do not know, put together by who knows more formats: Bio-Formats, where it is installed.

Careful with questions: one takes from milliseconds to minutes, and a folder may hold thousands of files of a kind.
"""

import posixpath
from collections import Counter
from pathlib import PurePath
from typing import NamedTuple, Protocol

from flows.core.bioformats import Grouped
from flows.core.control import Control
from flows.core.errors import SourceError
from flows.core.remotes import is_remote
from flows.core.verify.families.shape import FoundSet, incomplete
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.formats import format_of
from flows.core.verify.sets import opens_a_set

VAIN_OF_A_KIND = 20
"""Questions in vain about files of one kind, in one folder, after which no more of them are asked about."""
VAIN_OF_A_SUFFIX = 20
"""The same of a suffix that no rule knows, in all that is looked through together."""
VAIN_AT_ALL = 200
"""The same of all such files: some programs number their suffixes."""
FAILED = 5
"""As how many of these a failure counts."""
# fmt: off
DOCUMENTS = frozenset({
    "bmk", "cfg", "conf", "csv", "dat", "db", "dll", "doc", "docx", "exe", "htm", "html", "ini", "ipynb", "jar",
    "js", "json", "lnk", "log", "m", "mat", "md", "mp3", "mp4", "npy", "npz", "odt", "pdf", "pkl", "ppt", "pptx",
    "ps1", "py", "r", "rar", "rtf", "sh", "sqlite", "tar", "toml", "tsv", "txt", "url", "xls", "xlsx", "xml", "yaml",
    "yml", "zip", "7z", "gz",
})
# fmt: on
"""Suffixes that mean an image so rarely that such files are asked about only when somebody names them.

Bio-Formats takes a table of numbers in a text for an image, too.
"""


class Grouper(Protocol):
    """Whoever knows which files belong together: Bio-Formats in a process."""

    def group(self, path: str, control: Control) -> Grouped | None:
        """Return the files that belong with this one, as paths like it; None where it is no image.

        Raises:
            SourceError: it cannot be read, or others of its set cannot.
            ImportCancelled: it is not wanted any more.
        """


class _Asked(NamedTuple):
    """Of what there may be too many questions."""

    what: str
    where: str = ""


class Foreign:
    """What is known of such files, in one look at the sources of a request."""

    def __init__(self, grouper: Grouper | None, folders: Folders, control: Control) -> None:
        """Ask nothing yet; without anybody who knows, nothing ever."""
        self._grouper = grouper
        self._folders, self._control = folders, control
        self._vain: Counter[_Asked] = Counter()
        self._found: dict[frozenset[str], FoundSet] = {}

    @property
    def can_be_asked(self) -> bool:
        """Whether there is anybody who knows."""
        return self._grouper is not None

    def set_of(self, folder: Folder, name: str, kind: str | None, *, named: bool) -> FoundSet | None:
        """Return the set of a file that no rule of ours knows; None where there is none, or nobody can say.

        Args:
            folder: that it lies in.
            name: the file's.
            kind: of set that it is a part of by its name, for people; None where the name says nothing.
            named: somebody asked for this very file.

        Raises:
            SourceError: it is an image, but cannot be read.
        """
        if kind:
            return self._ask(folder, name, _Asked(kind, folder.path), VAIN_OF_A_KIND)
        if format_of(name) is not None:
            return None
        suffix = PurePath(name).suffix.lower().removeprefix(".")
        if (suffix in DOCUMENTS and not named) or self._vain.total() >= VAIN_AT_ALL:
            return None
        return self._ask(folder, name, _Asked(suffix), VAIN_OF_A_SUFFIX)

    def _ask(self, folder: Folder, name: str, about: _Asked, most: int) -> FoundSet | None:
        if self._grouper is None or self._vain[about] >= most or is_remote(folder.real):
            # Who has only paths of this machine to go by knows nothing of another one's.
            return None
        path = folder.within(name)
        try:
            answer = self._grouper.group(f"{folder.real.rstrip('/')}/{name}", self._control)
        except SourceError as failed:
            # It may have taken minutes.
            self._vain[about] += FAILED
            raise type(failed)(failed.what, which=path, advice=failed.advice) from failed
        if answer is None:
            self._vain[about] += 1
            return None
        found = self._put_together(answer, folder, path)
        if path not in found.files:
            # It hangs on a set that may have thousands of such.
            self._vain[about] += 1
        return found

    def _put_together(self, answer: Grouped, folder: Folder, path: str) -> FoundSet:
        first, *others = (_as_named(each, folder) for each in answer.files)
        known = self._found.get(frozenset((first, *others)))
        if known is not None:
            return known
        if first == path and others and not opens_a_set(posixpath.basename(first)):
            first, *others = self._the_same_for_all(path, (first, *others), folder)
        files = (first, *others)
        missing = [each for each in files if not self._folders.has(each)]
        wrong = incomplete(missing, posixpath.dirname(first), self._folders) if missing else None
        found = FoundSet(answer.format, answer.reader, files, wrong=wrong, plate=answer.plate)
        self._found[frozenset(files)] = found
        return found

    def _the_same_for_all(self, path: str, files: tuple[str, ...], folder: Folder) -> tuple[str, ...]:
        """Return the files with the one first that is opened whichever was named, where any would do.

        That is the first by name of those like it, if Bio-Formats makes the same of it.
        """
        suffix = PurePath(path).suffix.lower()
        candidate = min(each for each in files if PurePath(each).suffix.lower() == suffix)
        if candidate != path and posixpath.dirname(candidate) == folder.path and self._grouper is not None:
            again = self._grouper.group(f"{folder.real}/{posixpath.basename(candidate)}", self._control)
            if again and {_as_named(each, folder) for each in again.files} == set(files):
                return tuple(_as_named(each, folder) for each in again.files)
        return files


def _as_named(path: str, folder: Folder) -> str:
    """Return a path of this machine as the user would name it, who named `folder`.

    The folders above it are taken to be the same while their names are.
    """
    plain = posixpath.normpath(path)
    real, named = folder.real, folder.path
    while not plain.startswith(f"{real.rstrip('/')}/"):
        if posixpath.basename(real) != posixpath.basename(named) or posixpath.dirname(real) == real:
            return plain
        real, named = posixpath.dirname(real), posixpath.dirname(named)
    return f"{named.rstrip('/')}/{plain.removeprefix(real).lstrip('/')}"
