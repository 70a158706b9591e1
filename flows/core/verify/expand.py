"""Turns the files and folders of a request into filesets, and says what could not become one.

Reads names, and of files that say that they belong with others what they say of these.
"""

import posixpath
import stat
from collections.abc import Sequence
from pathlib import PurePath

from flows.core.bioformats import bioformats_of
from flows.core.control import Control, Uncontrolled
from flows.core.errors import NothingImportable, SourceAway, SourceError, SourceMissing
from flows.core.remotes import is_remote, normal
from flows.core.settings import Verification
from flows.core.sources import client_path
from flows.core.verify import families, sets
from flows.core.verify.families import set_of, whole_of
from flows.core.verify.folders import Folder, Folders
from flows.core.verify.foreign import Foreign
from flows.core.verify.formats import format_of
from flows.core.verify.found import Expansion, Found
from flows.core.verify.roots import Gate
from flows.core.verify.sets import Neighbours, belongs_to_a_set

__all__ = ["Expansion", "expand"]


def expand(
    sources: Sequence[str],
    *,
    access: Gate,
    settings: Verification,
    control: Control | None = None,
    found_by_chance: bool = False,
) -> Expansion:
    """Look up what the sources stand for: any file of a set stands for the whole set.

    Args:
        sources: files and folders.
        access: what may be imported from.
        settings: of the verify stage.
        control: asked whether to go on.
        found_by_chance: nobody named these files: what is mostly no image is not even looked at.

    Raises:
        RequestError: they stand for more files than one import may have.
        ImportCancelled: it is not wanted any more.
    """
    look = _Look(access, settings, control or Uncontrolled(), named=not found_by_chance)
    for source in sources:
        with look.found.refusing(source):
            path = normal(client_path(source))
            with look.found.refusing(path):
                look.at(path)
    return look.found.expansion()


class _Look:
    """One look at all sources: folders are listed once, whatever was asked for in them."""

    def __init__(self, access: Gate, settings: Verification, control: Control, *, named: bool) -> None:
        self._access, self._settings, self._named = access, settings, named
        self._folders = Folders(access, settings, control)
        self._foreign = Foreign(bioformats_of(settings.bioformats), self._folders, control)
        self.found = Found(settings.max_files, asked=self._foreign.can_be_asked)

    def at(self, path: str) -> None:
        """Take up a source."""
        folder, name = posixpath.split(path)
        try:
            listed = self._folders.at(folder)
        except SourceError:
            # A folder that may not be listed does not keep a file in it from being read.
            self._alone(path)
            return
        if name in listed.files:
            self._file(listed, name)
        else:
            self._alone(path)

    def _alone(self, path: str) -> None:
        """Take up a source that is a folder, or that is not known from its folder."""
        permit = self._access.allowed(path)
        try:
            look = self._folders.look(path, permit.real_path)
        except SourceMissing as missing:
            if self._access.is_away(permit):
                raise SourceAway("There is nothing at all in the share that holds it.", which=path) from missing
            raise
        if stat.S_ISDIR(look.st_mode):
            self._source_folder(path)
        else:
            self._file(self._folders.add(path, permit.real_path), posixpath.basename(path))

    def _file(self, folder: Folder, name: str) -> None:
        """Take up a file that was asked for by name."""
        path = folder.within(name)
        if self.found.has_file(path):
            return
        look = self._folders.look(path, folder.files[name])
        if not stat.S_ISREG(look.st_mode):
            raise NothingImportable("It is a device, pipe or socket, not a file.", which=path)
        if together := set_of(folder, name, self._folders):
            self.found.take_set(together, path, self._folders)
            return
        kind = self._neighbours(folder).set_of(name)
        try:
            if together := self._foreign.set_of(folder, name, kind, named=self._named):
                self.found.take_set(together, path, self._folders)
                return
        except SourceError as failed:
            raise belongs_to_a_set(kind, path, why=failed) if kind else failed from failed
        if kind:
            raise belongs_to_a_set(kind, path, asked=self._foreign.can_be_asked and not is_remote(path))
        if format_of(name) is None:
            raise _unknown(path)
        self.found.take(path, folder.files[name], look)

    def _source_folder(self, path: str) -> None:
        """Take up all that is in a folder that was asked for by name."""
        accounted, passed_over = self.found.accounted, self.found.passed_over
        self._walk(path, set(), 0)
        if self.found.accounted == accounted:
            others = self.found.passed_over - passed_over
            held = f"There are {others:,} files in there, but no image that OMERO could import." if others else ""
            raise NothingImportable(held, which=path)

    def _walk(self, path: str, visited: set[str], depth: int) -> None:
        """Take up what is in a folder and below it; links cannot lead in a circle."""
        if depth > self._settings.max_depth:
            raise NothingImportable(f"It lies more than {self._settings.max_depth} folders deep.", which=path)
        folder = self._folders.at(path)
        if folder.real in visited:
            return
        visited.add(folder.real)
        if (mark := whole_of(folder)) and (whole := set_of(folder, mark, self._folders)):
            self.found.take_set(whole, path, self._folders)
            return
        neighbours = self._neighbours(folder)
        if kind := neighbours.folder_set:
            raise belongs_to_a_set(kind, path)
        below = [name for name in folder.names if name in folder.folders]
        for name in sorted(set(folder.names) - set(below), key=_openers_first):
            with self.found.refusing(folder.within(name)):
                self._entry(folder, name, neighbours)
        for name in below:
            with self.found.refusing(folder.within(name)):
                if not self.found.has_folder(folder.within(name)):
                    self._walk(folder.within(name), visited, depth + 1)

    def _entry(self, folder: Folder, name: str, neighbours: Neighbours) -> None:
        """Take up a file that was found in a folder."""
        path = folder.within(name)
        if name in folder.wrong:
            raise folder.wrong[name]
        if self.found.has_file(path):
            return
        if together := set_of(folder, name, self._folders):
            self.found.take_set(together, path, self._folders)
            return
        kind, why = neighbours.set_of(name), None
        try:
            together = self._foreign.set_of(folder, name, kind, named=False)
        except SourceError as failed:
            if kind is None:
                raise
            why = failed
        if together:
            self.found.take_set(together, path, self._folders)
        elif kind:
            self.found.take_part(kind, folder.path, path, why)
        elif format_of(name) is None or not self._is_taken(path, folder.files[name]):
            self.found.passed_over += 1

    def _is_taken(self, path: str, real: str) -> bool:
        """Take up an image of one file; say whether that was one."""
        look = self._folders.look(path, real)
        if stat.S_ISREG(look.st_mode):
            self.found.take(path, real, look)
        return stat.S_ISREG(look.st_mode)

    def _neighbours(self, folder: Folder) -> Neighbours:
        return self._folders.once(("neighbours in", folder.path), lambda: self._look_around(folder))

    def _look_around(self, folder: Folder) -> Neighbours:
        try:
            above = self._folders.at(posixpath.dirname(folder.path))
        except SourceError:
            return Neighbours(folder.path, (*folder.files, *folder.folders))
        return Neighbours(folder.path, (*folder.files, *folder.folders), (*above.files, *above.folders))


def _openers_first(name: str) -> tuple[bool, str]:
    return not (families.opens_a_set(name) or sets.opens_a_set(name)), name


def _unknown(path: str) -> SourceError:
    suffix = PurePath(path).suffix
    what = f"No image format has file names that end in {suffix}." if suffix else "Its name has no suffix."
    return NothingImportable(what, which=path, advice="Name image files that Bio-Formats reads, or their folder.")
