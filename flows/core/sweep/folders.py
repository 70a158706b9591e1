"""What a sweep remembers of folders: how they looked, what was in them, and whether anything there is unfinished."""

import json
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flows.core.sweep.database import Database
from flows.core.sweep.listing import unpacked
from flows.core.sweep.verdicts import Verdict

RESTFUL = 1
"""Nothing in a folder has to be looked at one by one as long as its digest stays the same."""
PENDING = 0
"""Something in it is not finished."""
TOUCHED = -1
"""What is remembered of its filesets has changed since it was looked at."""
_STATE = "id, path, context, digest, rest, kind, mounted, files, counts"
_MEMBERS = """
select path, name, size, mtime_ns, position, key, verdict, code, run_id, since from folder
    join member on member.folder = folder.id join fileset on fileset.id = member.fileset
    join state on state.id = fileset.state
"""
_AT_OR_BELOW = "(path = :path or (path >= :path || '/' and path < :path || '0'))"


class FolderState(NamedTuple):
    """A folder at an earlier look."""

    id: int
    path: str
    context: bytes | None
    """A digest of the rules that were applied."""
    digest: bytes | None
    """Of its listing. None: it was not looked at yet."""
    rest: int
    """One of `RESTFUL`, `PENDING` and `TOUCHED`."""
    kind: str
    """What kind of set it is as a whole; empty where it is none."""
    mounted: int
    """Whether it was on another device than the folder above."""
    files: int
    counts: str
    """How many filesets by verdict, and files by reason for skipping: JSON."""


class Seen(NamedTuple):
    """A file at an earlier look, as far as no remembered fileset holds it."""

    size: int
    mtime_ns: int
    since: float
    """When it was first seen with this size and time."""
    skipped: str = ""
    """Why it is no image, where that was found out already: a code."""


class Member(NamedTuple):
    """A file of a remembered fileset."""

    name: str
    size: int
    mtime_ns: int
    position: int
    key: str
    verdict: Verdict
    code: str
    run_id: str
    since: float


class Folders:
    """The folders in a memory, by their paths."""

    def __init__(self, at: Database) -> None:
        """Share the file with the memory."""
        self._at = at

    def find(self, path: str) -> FolderState | None:
        """Return a folder by its path."""
        row = self._at.one(f"select {_STATE} from folder where path = ?", path)  # noqa: S608
        return None if row is None else FolderState(*row)  # type: ignore[arg-type]

    def has_loose(self) -> bool:
        """Say whether folders are known only from the filesets in them."""
        return self._at.one("select 1 from folder where digest is null limit 1") is not None

    def inside(self, parent: int) -> dict[str, FolderState]:
        """Return the folders that were in a folder, by name."""
        rows = self._at.rows(f"select {_STATE} from folder where parent = ?", (parent,))  # noqa: S608
        return {posixpath.basename(each.path): each for each in map(FolderState._make, rows)}

    def unsettled(self, path: str) -> int:
        """Have the files of a folder looked at one by one, and return its number."""
        query = """insert into folder (path, rest) values (?, ?)
            on conflict (path) do update set rest = excluded.rest returning id"""
        number: int = self._at.rows(query, (path, TOUCHED)).fetchone()[0]
        return number

    def keep(
        self,
        path: str,
        *,
        parent: int | None,
        context: bytes,
        digest: bytes,
        rest: int,
        kind: str,
        mounted: bool,
        files: int,
        counts: str,
        looked: float,
        listing: bytes | None = None,
        seen: Mapping[str, Seen] | None = None,
    ) -> int:
        """Keep how a folder looked, and return its number.

        Of what is unfinished either all rows are kept as a packed listing, which costs little, or some as `seen`.
        """
        columns = "parent, context, digest, rest, kind, mounted, files, counts, looked, listing, seen"
        values = (parent, context, digest, rest, kind, mounted, files, counts, looked, listing, _text(seen))
        query = f"""insert into folder (path, {columns}) values (?{", ?" * 11}) on conflict (path) do update set
            ({columns}) = ({", ".join(f"excluded.{each}" for each in columns.split(", "))}) returning id"""  # noqa: S608
        number: int = self._at.rows(query, (path, *values)).fetchone()[0]
        return number

    def seen(self, number: int) -> dict[str, Seen]:
        """Return the unfinished files of a folder as they were at the latest look."""
        row = self._at.one("select looked, listing, seen from folder where id = ?", number)
        looked, listing, seen = row or (0.0, None, None)
        if isinstance(seen, str):
            return {name: Seen(*each) for name, each in json.loads(seen).items()}
        if isinstance(listing, bytes):
            return {row.name: Seen(row.size, row.mtime_ns, float(str(looked))) for row in unpacked(listing)}
        return {}

    def members(self, number: int) -> list[Member]:
        """Return the files in a folder that belong to remembered filesets."""
        return [_member(row) for row in self._at.rows(f"{_MEMBERS} where folder.id = ?", (number,))]

    def members_below(self, path: str) -> list[Member]:
        """Return the files in a folder and below it that do; their names are paths below it."""
        rows = self._at.rows(f"{_MEMBERS} where {_AT_OR_BELOW}", {"path": path})
        return [_member(row, path) for row in rows]

    def forget(self, paths: Iterable[str]) -> None:
        """Know nothing any more of these folders, what is below them, and the filesets there that no import has."""
        with self._at.changing():
            for path in paths:
                self._forget(path)

    def _forget(self, path: str) -> None:
        values = {"path": path}
        folders = f"select id from folder where {_AT_OR_BELOW}"  # noqa: S608
        filesets = f"""select fileset from member join fileset on fileset.id = member.fileset
            join state on state.id = fileset.state where folder in ({folders}) and verdict <> 'submitted'"""  # noqa: S608
        gone = self._at.rows(filesets, values).fetchall()
        self._at.many("delete from member where fileset = ?", gone)
        self._at.many("delete from fileset where id = ?", gone)
        # Folders of filesets that an import has stay: these are asked for by their paths when it is over.
        held = f"{_AT_OR_BELOW} and id in (select folder from member)"  # noqa: S608
        self._at.rows(f"update folder set digest = null, parent = null, rest = {TOUCHED} where {held}", values)  # noqa: S608
        self._at.rows(f"delete from folder where {_AT_OR_BELOW} and id not in (select folder from member)", values)  # noqa: S608

    def knows_files(self) -> bool:
        """Say whether any file was ever seen, and not forgotten."""
        return self._at.one("select 1 from folder where files > 0 union all select 1 from fileset limit 1") is not None


def _member(row: tuple[Any, ...], above: str = "") -> Member:
    folder, name, size, mtime_ns, position, key, verdict, code, run_id, since = row
    if above:
        name = f"{folder}/{name}"[len(above) + 1 :]
    return Member(name, size, int(mtime_ns), position, key, Verdict(verdict), code, run_id, since)


def _text(seen: Mapping[str, Seen] | None) -> str | None:
    return None if seen is None else json.dumps(seen)
