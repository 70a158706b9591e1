"""The sqlite file of a sweep's memory: opened, begun anew where it is of no use, written in transactions.

A cache: it may be deleted at any time, so nothing waits for the disk.
"""

import logging
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_BUSY_SECONDS = 60
_TABLES = """
create table folder (
    id integer primary key, path text not null unique, parent integer, context blob, digest blob,
    rest integer not null default -1, kind text not null default '', mounted integer not null default 0,
    files integer not null default 0, counts text not null default '{}', looked real not null default 0,
    listing blob, seen text
);
create index folder_in on folder (parent);
create table state (
    id integer primary key, verdict text not null, code text not null, reason text not null, run_id text not null,
    assignment text not null, unique (verdict, code, reason, run_id, assignment)
);
create table fileset (
    id integer primary key, key text not null unique, state integer not null, since real not null, reader text,
    omero integer
);
create index fileset_in on fileset (state);
create table member (
    folder integer not null, name text not null, fileset integer not null, position integer not null,
    size not null, mtime_ns not null, real text, primary key (folder, name, fileset)
) without rowid;
create index member_of on member (fileset, position);
create table note (name text primary key, value text not null) without rowid;
"""
VERSION = zlib.crc32(_TABLES.encode()) >> 1
"""Of these tables: a file with others is begun anew."""

log = logging.getLogger(__name__)


class Database:
    """An open file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `opened`."""
        self._connection = connection
        self.rows = connection.execute
        """Ask, or change one row."""
        self.many = connection.executemany

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change all of it or nothing; within another change a part of that."""
        if self._connection.in_transaction:
            yield
            return
        self.rows("begin immediate")
        with self._connection:
            yield

    def one(self, query: str, *values: object) -> tuple[object, ...] | None:
        """Return the first row of an answer."""
        row: tuple[object, ...] | None = self.rows(query, values).fetchone()
        return row

    def note(self, name: str) -> str | None:
        """Return what was noted under a name."""
        row = self.one("select value from note where name = ?", name)
        return None if row is None else str(row[0])

    def set_note(self, name: str, value: str) -> None:
        """Note something."""
        self.rows("insert or replace into note values (?, ?)", (name, value))


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """Open a memory, or begin one; one that turns out to be broken is set aside for the next time.

    Raises:
        sqlite3.DatabaseError: it broke while it was used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(_usable(path)) as connection:
        try:
            yield Database(connection)
        except (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.DatabaseError:
            connection.close()
            _set_aside(path, "it broke while it was used")
            raise


@contextmanager
def copied(path: Path) -> Iterator[Database]:
    """Open a copy of a memory that is forgotten afterwards; the memory itself stays as it is, or is not there."""
    with tempfile.TemporaryDirectory(prefix="courier-sweep-") as folder:
        copy = Path(folder, path.name)
        if path.exists():
            source = f"{path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(source, uri=True)) as original, closing(_connected(copy)) as target:
                original.backup(target)
        with opened(copy) as at:
            yield at


@contextmanager
def looked_at(path: Path) -> Iterator[Database]:
    """Open a memory that is there, in order to read it: also while a sweep writes, and nothing of it can be changed.

    Raises:
        sqlite3.DatabaseError: it cannot be read, or is of another version.
    """
    # Opened to be read only it would leave files of its own beside it, which another account could not use.
    source = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(source, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with closing(connection):
        connection.execute("pragma query_only = on")
        version = connection.execute("pragma user_version").fetchone()[0]
        if version != VERSION:
            raise sqlite3.DatabaseError(f"its version is {version}, not {VERSION}")
        yield Database(connection)


def _usable(path: Path) -> sqlite3.Connection:
    connection = _connected(path)
    try:
        version = connection.execute("pragma user_version").fetchone()[0]
        empty = connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0
        if version == VERSION or (empty and version == 0):
            _prepare(connection)
            return connection
        why = f"its version is {version}, not {VERSION}"
    except sqlite3.OperationalError:
        connection.close()
        raise
    except sqlite3.DatabaseError as broken:
        why = str(broken)
    connection.close()
    _set_aside(path, why)
    connection = _connected(path)
    _prepare(connection)
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    if connection.execute("pragma user_version").fetchone()[0] == VERSION:
        return
    connection.execute("begin immediate")
    with connection:
        if connection.execute("pragma user_version").fetchone()[0] != VERSION:
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {VERSION}")


def _set_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.name}.aside")
    log.warning("The memory %s is begun anew: %s. The old one is kept as %s.", path, why, aside.name)
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
