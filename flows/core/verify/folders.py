"""Lists folders, each once for all who ask, and finds where each name in them leads; reads no file's content."""

import os
import posixpath
import stat
from collections.abc import Callable, Hashable, Mapping, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fnmatch import translate
from re import IGNORECASE, Pattern
from re import compile as pattern
from typing import Any, TypeVar, cast

from flows.core.control import Control
from flows.core.disk import told_of
from flows.core.errors import SourceError, SourceMissing, SourceUnreadable
from flows.core.remotes import Entry, Look, Place, Store, is_remote, normal
from flows.core.settings import Verification
from flows.core.verify.peek import Peek, peeking
from flows.core.verify.roots import Gate

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Folder:
    """The names in a folder."""

    path: str
    """As the user named it, without a slash at the end."""
    real: str
    """Links resolved."""
    files: Mapping[str, str]
    """Where each name that is no folder really leads."""
    folders: Mapping[str, str]
    """Where each folder really is."""
    wrong: Mapping[str, SourceError]
    """Names that lead nowhere, or where this user may not import from, and those that cannot be written."""
    names: tuple[str, ...]
    """All of them but those that are passed over, in order."""

    def within(self, name: str) -> str:
        """Return the path of a name in here, or of what `name` leads to from here."""
        path = f"{self.path.rstrip('/')}/{name}"
        return normal(path) if "/" in name else path


class Folders:
    """Folders of one user, as they were when they were first looked at."""

    def __init__(self, access: Gate, settings: Verification, control: Control) -> None:
        """List nothing yet."""
        self._access, self._control = access, control
        self._passed_over = _any_of(settings.exclude)
        self._known: dict[str, Folder | SourceError] = {}
        self._answers: dict[Hashable, Any] = {}
        self._below: dict[str, str] = {}
        """Where files really are of whose folders no list is kept."""
        self._looks: dict[str, Look] = {}
        """What files on other machines look like: that came with the lists of their folders."""

    def at(self, path: str) -> Folder:
        """List a folder.

        Raises:
            SourceError: it may not be imported from, is not there, or cannot be listed.
            ImportCancelled: the import is not wanted any more.
        """
        if "\0" in path:
            raise SourceMissing(which=path)
        if path not in self._known:
            self._control.check()
            try:
                self._known[path] = self._list(path, self._access.allowed(path).real_path)
            except SourceError as error:
                self._known[path] = error
        known = self._known[path]
        if isinstance(known, SourceError):
            raise known
        return known

    def real(self, path: str) -> str:
        """Return where a file really is.

        Raises:
            SourceError: it is not there, or may not be imported from.
        """
        if path in self._below:
            return self._below[path]
        folder, name = posixpath.split(path)
        listed = self.at(folder)
        if name in listed.wrong:
            raise listed.wrong[name]
        if name not in listed.files:
            raise SourceMissing(which=path)
        return listed.files[name]

    def has(self, path: str) -> bool:
        """Say whether there is such a file, as far as this user may know."""
        folder, name = posixpath.split(path)
        try:
            return name in self.at(folder).files
        except SourceError:
            return False

    def has_folder(self, path: str) -> bool:
        """Say whether there is such a folder, as far as this user may know."""
        above, name = posixpath.split(path)
        try:
            return name in self.at(above).folders
        except SourceError:
            return False

    def in_another_case(self, path: str) -> str | None:
        """Return the path of a name that differs in its capitals only; None where there is none."""
        above, name = posixpath.split(path)
        try:
            listed = self.at(above)
        except SourceError:
            return None
        names = (each for each in (*listed.files, *listed.folders) if each.lower() == name.lower() and each != name)
        return next(map(listed.within, names), None)

    def may_list(self, path: str) -> bool:
        """Say whether a folder can be listed."""
        try:
            self.at(path)
        except SourceError:
            return False
        return True

    def below(self, path: str, *, also: Set[str]) -> list[str]:
        """Return all files below a folder, in order; of what is passed over, only names that stand in `also`.

        There may be very many: no list is kept of the folders.

        Raises:
            SourceError: something in there leads elsewhere, or cannot be listed.
        """
        found: dict[str, str] = {}
        waiting = [(path, self._access.allowed(path).real_path)]
        met = {waiting[0][1]}
        while waiting:
            self._control.check()
            listed = self._list(*waiting.pop())
            for name in (*listed.names, *(also & listed.files.keys())):
                if name in listed.wrong:
                    raise listed.wrong[name]
                if name in listed.files:
                    found[listed.within(name)] = listed.files[name]
                elif listed.folders[name] not in met:
                    met.add(listed.folders[name])
                    waiting.append((listed.within(name), listed.folders[name]))
        self._below |= found
        return sorted(found)

    def add(self, path: str, real: str) -> Folder:
        """Take a file for granted that is not known from its folder, and return that folder."""
        folder, name = posixpath.split(path)
        known = self._known.get(folder)
        if not isinstance(known, Folder):
            known = Folder(folder, posixpath.dirname(real), {}, {}, {}, ())
        files = {**known.files, name: real}
        self._known[folder] = added = replace(known, files=files, names=tuple(sorted({*known.names, name})))
        return added

    def once(self, question: Hashable, find: Callable[[], _Answer]) -> _Answer:
        """Return what was found the first time that this was asked, or fail as then."""
        if question not in self._answers:
            self._control.check()
            try:
                self._answers[question] = find()
            except SourceError as error:
                self._answers[question] = error
        answer = self._answers[question]
        if isinstance(answer, SourceError):
            raise answer
        return cast("_Answer", answer)

    def look(self, path: str, real: str) -> os.stat_result | Look:
        """Return what a file or folder looks like that is named `path` and really is at `real`.

        Raises:
            SourceError: it is not there, or its share or host does not answer.
        """
        return self._looks.get(real) or look_at(path, real, self._access.store(real))

    def peeking(self, path: str) -> AbstractContextManager[Peek]:
        """Open a file for peeking.

        Raises:
            SourceError: it is not there, may not be imported from, or cannot be read.
        """
        real = self.real(path)
        return peeking(real, path, self._access.store(real))

    def _list(self, path: str, real: str) -> Folder:
        if is_remote(real):
            return self._list_afar(path, real)
        files: dict[str, str] = {}
        folders: dict[str, str] = {}
        wrong: dict[str, SourceError] = {}
        with told_of(path), os.scandir(real) as entries:
            for entry in entries:
                try:
                    leads, is_folder = self._look(entry, f"{path.rstrip('/')}/{entry.name}")
                except SourceError as error:
                    wrong[entry.name] = error
                    continue
                (folders if is_folder else files)[entry.name] = leads
        names = sorted(name for name in (*files, *folders, *wrong) if not self._passed_over.match(name))
        return Folder(path, real, files, folders, wrong, tuple(names))

    def _list_afar(self, path: str, real: str) -> Folder:
        place, store = Place.parse(real), self._access.store(real)
        assert store is not None, "it is not on this machine"
        files: dict[str, str] = {}
        folders: dict[str, str] = {}
        wrong: dict[str, SourceError] = {}
        for entry in store.list(place.path, path):
            within = f"{path.rstrip('/')}/{entry.name}"
            try:
                _check_name(entry.name, within)
                leads, look = self._look_afar(entry, within, place, store)
            except SourceError as error:
                wrong[entry.name] = error
                continue
            self._looks[leads] = look
            (folders if stat.S_ISDIR(look.st_mode) else files)[entry.name] = leads
        names = sorted(name for name in (*files, *folders, *wrong) if not self._passed_over.match(name))
        return Folder(path, real, files, folders, wrong, tuple(names))

    def _look_afar(self, entry: Entry, path: str, place: Place, store: Store) -> tuple[str, Look]:
        if not entry.is_link:
            return str(place.at(f"{place.path.rstrip('/')}/{entry.name}")), entry.look
        real = self._access.allowed(path).real_path
        return real, store.look(Place.parse(real).path, path)

    def _look(self, entry: os.DirEntry[str], path: str) -> tuple[str, bool]:
        """Return where a name leads, and whether that is a folder; a link is judged before it is followed."""
        _check_name(path, path)
        if not entry.is_symlink():
            return entry.path, entry.is_dir()
        real = self._access.allowed(path).real_path
        return real, stat.S_ISDIR(look_at(path, real).st_mode)


def look_at(path: str, real: str, store: Store | None = None) -> os.stat_result | Look:
    """Return what a file or folder looks like that is named `path` and really is at `real`, reached by `store`.

    Raises:
        SourceError: it is not there, or its share or host does not answer.
    """
    if store is not None:
        return store.look(Place.parse(real).path, path)
    with told_of(path):
        return os.stat(real)  # noqa: PTH116  asked of each of thousands of files


def _check_name(name: str, path: str) -> None:
    shown = os.fsencode(name).decode("utf-8", "replace")
    if shown != name:
        path = os.fsencode(path).decode("utf-8", "replace")
        raise SourceUnreadable("Its name is not valid UTF-8.", which=path, advice="Rename it.")


def _any_of(patterns: tuple[str, ...]) -> Pattern[str]:
    """Match names in whatever case; nothing where there is no pattern."""
    return pattern("|".join(map(translate, patterns)) or r"(?!)", IGNORECASE)
