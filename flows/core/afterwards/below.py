"""Reaches what lies below a folder, step by step and through no link, so that nobody can lead it elsewhere."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from flows.core.afterwards.names import is_set_aside
from flows.core.disk import told_of
from flows.core.errors import SourceChanged, SourceError, SourceNotAllowed
from flows.core.requests import SourceFile

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class State(NamedTuple):
    """What a file is as long as nobody writes to it, replaces it or links it."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Below:
    """A folder, and what lies below it. Paths are relative to it."""

    def __init__(self, root: Path) -> None:
        """Take a folder, which may be reached through links itself."""
        self.root = Path(os.path.realpath(root))

    def relative(self, file: SourceFile) -> PurePosixPath:
        """Return where a file lies.

        Raises:
            SourceNotAllowed: not below this folder with links resolved, or in what is set aside there.
        """
        try:
            relative = PurePosixPath(os.path.realpath(file.path)).relative_to(self.root)
        except ValueError:
            relative = PurePosixPath()
        if not relative.parts or str(self.root / relative) != file.path:
            raise SourceNotAllowed(
                "It is a link, or lies outside of the folder that is looked after.", which=file.client_path
            )
        if is_set_aside(relative):
            raise SourceNotAllowed("It was put away already.", which=file.client_path)
        return relative

    @contextmanager
    def folder(self, relative: PurePosixPath, *, make: bool = False) -> Iterator[int]:
        """Open a folder, made where missing if `make`, and yield its descriptor.

        Raises:
            SourceNotAllowed: there is a link on the way, or it leads out of this folder.
            OSError: it cannot be opened.
        """
        descriptor = os.open(self.root, FOLDER)
        try:
            for part in relative.parts:
                deeper = self._step(descriptor, part, relative, make=make)
                os.close(descriptor)
                descriptor = deeper
            yield descriptor
        finally:
            os.close(descriptor)

    def _step(self, descriptor: int, part: str, relative: PurePosixPath, *, make: bool) -> int:
        if part in {"..", "/"}:
            raise SourceNotAllowed("It leads out of the folder that is looked after.", which=str(relative))
        try:
            return os.open(part, FOLDER, dir_fd=descriptor)
        except FileNotFoundError:
            if not make:
                raise
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            deeper = os.open(part, FOLDER, dir_fd=descriptor)
            with suppress(OSError):  # of a share that keeps no modes
                # Whoever may look into the folder above may look into this one.
                os.fchmod(deeper, stat.S_IMODE(os.fstat(descriptor).st_mode))
            return deeper
        except OSError as failed:
            entry = os.stat(part, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISDIR(entry.st_mode):
                raise
            raise SourceNotAllowed(
                f"{part!r} is a link or a file, where a folder is expected.", which=str(self.root / relative)
            ) from failed

    def look(self, file: SourceFile) -> State:
        """Return the state of a file that is still what it was when it was imported.

        Raises:
            SourceMissing: it is not there.
            SourceChanged: it is another, or has another size or time.
            SourceNotAllowed: a link leads to it, or it is set aside.
            SourceError: it has several names, or cannot be looked at.
        """
        relative = self.relative(file)
        with told_of(file.client_path), self.folder(relative.parent) as folder:
            if not stat.S_ISREG(os.stat(relative.name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise SourceChanged("It is no plain file any more.", which=file.client_path, advice="It is left alone.")
            # A network share may answer from memory, but not once a file is opened.
            descriptor = os.open(relative.name, FILE, dir_fd=folder)
            try:
                found = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
            raise SourceChanged(
                "It changed since it was imported.", which=file.client_path, advice="It is looked at as a new file."
            )
        if found.st_nlink > 1:
            raise SourceError(
                "It has a further name (a hard link), under which it may be in use.",
                which=file.client_path,
                advice="Remove the other name, or this one.",
            )
        return State(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def is_taken(self, relative: PurePosixPath) -> bool:
        """Whether there is anything of this name, be it a link that leads nowhere."""
        return os.path.lexists(self.root / relative)

    def is_empty(self, relative: PurePosixPath | None = None) -> bool:
        """Whether there is nothing in a folder, or in this one.

        Raises:
            OSError: it cannot be looked into.
        """
        with os.scandir(self.root / (relative or "")) as entries:
            return next(entries, None) is None

    def may_change(self, relative: PurePosixPath) -> bool:
        """Whether entries can be added to and removed from a folder, or else from the nearest that there is above."""
        while not self.is_taken(relative) and relative.parts:
            relative = relative.parent
        return os.access(self.root / relative, os.W_OK | os.X_OK, effective_ids=True)
