"""A sweep over real files, with an OMERO that says what a test wants."""

import errno
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.core.afterwards.ground import Ground
from flows.core.afterwards.items import Arrived, Failed
from flows.core.afterwards.putting_away import put_away
from flows.core.afterwards.wishes import Afterwards
from flows.core.audit import AuditEntry
from flows.core.control import Uncontrolled
from flows.core.requests import Failure, Fileset, SourceFile
from flows.core.settings import Root

NOW = datetime.now(UTC) + timedelta(days=1)
"""Later than all that a test does."""
RUN = "8d2f"
FAILURE = Failure(
    code="source-broken", what="The file is damaged.", which="a.tif", advice="Export it again.", transient=False
)
MOVE, DELETE = Afterwards(imported="move", failed="move"), Afterwards(imported="delete")
EVERYTHING = frozenset({"keep", "move", "delete"})


class Died(BaseException):
    """The process was killed."""


class Sweep:
    """A sweep over a folder, with an OMERO that says yes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.confirmed: list[list[str]] = []
        self.trail: list[AuditEntry] = []
        self.confirm: Callable[[Arrived], None] = lambda item: None
        self.audit: Callable[[AuditEntry], None] = self.trail.append
        self.after = EVERYTHING
        self.quiet = timedelta(0)
        self.now = NOW

    def put_away(self, *items: Arrived | Failed, how: Afterwards = MOVE) -> list[tuple[str, str]]:
        """Return outcomes and codes."""
        self.handled = put_away(items, self.ground(how))
        return [(str(each.outcome), each.code) for each in self.handled]

    def ground(self, how: Afterwards) -> Ground:
        return Ground(
            who="sweep:confocal",
            server="main",
            root=self.root,
            afterwards=how,
            quiet=self.quiet,
            roots={"data": Root(path=self.root, everyone=True, after=self.after)},
            confirm=self._confirm,
            audit=self.audit,
            control=Uncontrolled(),
            now=lambda: self.now,
        )

    def _confirm(self, item: Arrived, files: Sequence[SourceFile]) -> None:
        self.confirmed.append([Path(file.path).name for file in files])
        self.confirm(item)

    def holds(self) -> dict[str, str]:
        """All files below the root, with what is in them."""
        return {
            str(path.relative_to(self.root)): path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def fileset(*paths: Path) -> Fileset:
    return Fileset(files=tuple(source(path) for path in paths))


def source(path: Path) -> SourceFile:
    look = path.lstat()
    return SourceFile(path=str(path), client_path=str(path), size=look.st_size, mtime_ns=look.st_mtime_ns)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or path.name)
    return path


def arrived(*paths: Path, ago: timedelta = timedelta(hours=1)) -> Arrived:
    return Arrived(fileset=fileset(*paths), run_id=RUN, user="alice", at=NOW - ago, fileset_id=5)


def failed(*paths: Path) -> Failed:
    return Failed(fileset=fileset(*paths), run_id=RUN, user="alice", at=NOW, failure=FAILURE)


def refused() -> OSError:
    return PermissionError(errno.EPERM, "Operation not permitted")
