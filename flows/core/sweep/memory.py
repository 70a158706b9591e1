"""What a sweep remembers of the filesets that it decided about; a cache: with it nothing is lost."""

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from flows.core.requests import Fileset, Frozen, SourceFile
from flows.core.sources import is_at_or_below
from flows.core.sweep import database
from flows.core.sweep.database import Database
from flows.core.sweep.folders import TOUCHED, Folders
from flows.core.sweep.listing import fitted
from flows.core.sweep.verdicts import Assignment, Decision, Verdict

_AT_ONCE = 500
"""Filesets that are read before they are handed out: meanwhile the memory may be changed."""
_FILESETS = """
select fileset.id, fileset.since, fileset.reader, fileset.omero, state.verdict, state.code, state.reason, state.run_id,
    state.assignment from fileset join state on state.id = fileset.state
"""


class Remembered(Frozen):
    """A fileset, and what became of it."""

    fileset: Fileset
    verdict: Verdict
    code: str
    reason: str
    run_id: str | None = None
    since: float
    """When the verdict last changed, in seconds since 1970."""
    assignment: Assignment | None = None
    fileset_id: int | None = None
    """Of the fileset in OMERO that holds it, where that is known."""

    def as_decision(self) -> Decision:
        """Show it among what a look decides."""
        return Decision(
            path=self.fileset.files[0].client_path,
            verdict=self.verdict,
            reason=self.reason,
            code=self.code,
            fileset=self.fileset,
            assignment=self.assignment,
            run_id=self.run_id,
            omero_id=self.fileset_id,
        )


class Memory:
    """The filesets that a sweep knows, by key, and the state of its folders."""

    def __init__(self, at: Database) -> None:
        """Use `opened`."""
        self._at = at
        self.changing = at.changing
        self.note = at.note
        self.set_note: Callable[[str, str], None] = at.set_note
        self.folders = Folders(at)

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """Open the file, or begin it, folders included; one that is of no use is set aside and begun anew."""
        with database.opened(path) as at:
            yield cls(at)

    @classmethod
    @contextmanager
    def copied(cls, path: Path) -> Iterator[Self]:
        """Open a copy that is forgotten afterwards: for whoever only wants to see what would be."""
        with database.copied(path) as at:
            yield cls(at)

    @classmethod
    @contextmanager
    def looked_at(cls, path: Path) -> Iterator[Self]:
        """Open the file to read it, for whoever is no sweep: what they would note is forgotten.

        Raises:
            sqlite3.DatabaseError: it cannot be read, is of another version, or was to be changed.
        """
        with database.looked_at(path) as at:
            memory = cls(at)
            memory.set_note = _forget_note
            yield memory

    def of_runs(self) -> dict[str, list[Remembered]]:
        """Return what is submitted, by the run that has it."""
        runs: dict[str, list[Remembered]] = {}
        for each in self.with_verdict(Verdict.SUBMITTED):
            runs.setdefault(each.run_id or "", []).append(each)
        return runs

    def remember(self, items: Iterable[Remembered]) -> None:
        """Keep these, in place of what was known under their keys: all of them or, if it fails, none."""
        states: dict[tuple[str, ...], int] = {}
        folders: dict[str, int] = {}
        with self.changing():
            for item in items:
                self._forget(item.fileset.key)
                self._keep(item, self._state(item, states), folders)

    def _state(self, item: Remembered, known: dict[tuple[str, ...], int]) -> int:
        assignment = item.assignment.model_dump_json(exclude_defaults=True) if item.assignment else ""
        values = (item.verdict.value, item.code, item.reason, item.run_id or "", assignment)
        if values not in known:
            self._at.rows(
                "insert or ignore into state (verdict, code, reason, run_id, assignment) values (?, ?, ?, ?, ?)", values
            )
            query = "select id from state where (verdict, code, reason, run_id, assignment) = (?, ?, ?, ?, ?)"
            known[values] = self._at.rows(query, values).fetchone()[0]
        return known[values]

    def _keep(self, item: Remembered, state: int, folders: dict[str, int]) -> None:
        values = (item.fileset.key, state, item.since, item.fileset.reader, item.fileset_id)
        query = "insert into fileset (key, state, since, reader, omero) values (?, ?, ?, ?, ?)"
        new = self._at.rows(query, values).lastrowid
        members = []
        for position, file in enumerate(item.fileset.files):
            folder, name = posixpath.split(file.client_path)
            if folder not in folders:
                folders[folder] = self.folders.unsettled(folder)
            real = None if file.path == file.client_path else file.path
            members.append((folders[folder], name, new, position, file.size, _number(file.mtime_ns), real))
        self._at.many("insert into member values (?, ?, ?, ?, ?, ?, ?)", members)

    def arrived(self) -> Iterator[Remembered]:
        """Yield what OMERO holds and, as far as is known, the disk still has."""
        return self.with_verdict(Verdict.IMPORTED)

    def with_verdict(self, *verdicts: Verdict) -> Iterator[Remembered]:
        """Yield what has one of these verdicts; meanwhile anything may be remembered and forgotten."""
        marks = ", ".join("?" * len(verdicts))
        for (state,) in self._at.rows(f"select id from state where verdict in ({marks})", verdicts).fetchall():  # noqa: S608
            last, newest = 0, self._at.rows("select max(id) from fileset").fetchone()[0]
            while rows := self._at.rows(
                f"{_FILESETS} where fileset.state = ? and fileset.id between ? and ? order by fileset.id limit ?",
                (state, last + 1, newest, _AT_ONCE),
            ).fetchall():
                last = rows[-1][0]
                yield from (self._remembered(row) for row in rows)

    def get(self, key: str) -> Remembered | None:
        """Return what is known of a fileset."""
        row = self._at.rows(f"{_FILESETS} where fileset.key = ?", (key,)).fetchone()
        return None if row is None else self._remembered(row)

    def holding(self, path: str) -> list[Remembered]:
        """Return the filesets that a file belongs to, the latest first."""
        query = f"""{_FILESETS} where fileset.id in (select fileset from member join folder on folder.id = member.folder
            where folder.path = ? and name = ?) order by since desc"""  # noqa: S608
        return [self._remembered(row) for row in self._at.rows(query, posixpath.split(path)).fetchall()]

    def _remembered(self, row: tuple[Any, ...]) -> Remembered:
        number, since, reader, omero, verdict, code, reason, run_id, assignment = row
        return Remembered(
            fileset=Fileset(files=tuple(self._files(number)), reader=reader),
            verdict=Verdict(verdict),
            code=code,
            reason=reason,
            run_id=run_id or None,
            since=since,
            assignment=Assignment(**json.loads(assignment)) if assignment else None,
            fileset_id=omero,
        )

    def _files(self, fileset: int) -> Iterator[SourceFile]:
        query = """select folder.path, name, size, mtime_ns, real from member join folder on folder.id = member.folder
                   where fileset = ? order by position"""
        for folder, name, size, mtime_ns, real in self._at.rows(query, (fileset,)):
            path = posixpath.join(folder, name)
            yield SourceFile(path=real or path, client_path=path, size=size, mtime_ns=int(mtime_ns))

    def forget(self, keys: Iterable[str]) -> None:
        """Know nothing of these any more."""
        with self.changing():
            for key in keys:
                self._forget(key)

    def _forget(self, key: str) -> None:
        found = self._at.one("select id from fileset where key = ?", key)
        if found is None:
            return
        self._at.rows(
            "update folder set rest = ? where id in (select folder from member where fileset = ?)", (TOUCHED, *found)
        )
        self._at.rows("delete from member where fileset = ?", found)
        self._at.rows("delete from fileset where id = ?", found)

    def release(self, path: str | None = None) -> int:
        """Look at what failed or was quarantined as if it were new again, and say how many filesets that are.

        With a path only at that file, or in that folder and below.
        """
        released = [
            each
            for each in self.with_verdict(Verdict.FAILED, Verdict.QUARANTINED)
            if path is None or any(is_at_or_below(file.client_path, path) for file in each.fileset.files)
        ]
        reason = "It was released, and the next sweep looks at it again."
        update = {"verdict": Verdict.SETTLING, "code": "released", "reason": reason, "run_id": None}
        self.remember(each.model_copy(update=update) for each in released)
        return len(released)


def _forget_note(_name: str, _value: str) -> None:
    """Stand in for the note of a sweep."""


def _number(mtime_ns: int) -> int | str:
    return mtime_ns if fitted(mtime_ns) == mtime_ns else str(mtime_ns)
