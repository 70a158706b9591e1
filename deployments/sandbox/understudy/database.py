"""The database: rows in memory, each transaction written to one SQLite file before anybody sees it.

A killed process loses no committed transaction (write-ahead log); reads never wait for the disk.
"""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.sandbox.understudy.rows import Ref, Row, Value, from_json, to_json

Backward = tuple[str, Ref]
"""A property's name and the row it points at."""


class Database:
    """Committed rows, and the one place where transactions begin and end."""

    def __init__(self, file: Path) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, dict[int, Row]] = defaultdict(dict)
        self._pointing: dict[Backward, dict[Ref, None]] = defaultdict(dict)
        self._valued: dict[tuple[str, str], dict[Value, dict[Ref, None]]] = {}
        self._last_ids: dict[str, int] = {}
        self._disk = sqlite3.connect(file, check_same_thread=False)
        self._open()

    def _open(self) -> None:
        self._disk.executescript(
            "pragma journal_mode = wal; pragma synchronous = normal;"
            "create table if not exists row (tbl text, id integer, data text not null, primary key (tbl, id));"
            "create table if not exists last_id (tbl text primary key, id integer not null);"
        )
        self._last_ids.update(self._disk.execute("select tbl, id from last_id"))
        for table, row_id, data in self._disk.execute("select tbl, id, data from row order by tbl, id"):
            self._show(from_json(table, row_id, data))

    def close(self) -> None:
        """Give the file back; nothing is lost without it."""
        with self.lock:
            self._disk.close()

    def get(self, ref: Ref) -> Row | None:
        """The row at an address."""
        return self._tables[ref.table].get(ref.id)

    def table(self, name: str) -> list[Row]:
        """All rows of a table, by id."""
        with self.lock:
            return list(self._tables[name].values())

    def pointing_at(self, ref: Ref, table: str, name: str) -> list[Row]:
        """The rows of `table` whose property `name` is `ref`, by id."""
        with self.lock:
            found = [self._tables[table][r.id] for r in self._pointing.get((name, ref), ()) if r.table == table]
        return sorted(found, key=lambda row: row.id)

    def valued(self, table: str, name: str, value: Value) -> Collection[Ref]:
        """The rows of `table` whose property `name` is `value`, to be read under the lock.

        Of a reference the rows of other tables are among them that point there by the same name. Of other properties
        an index is made when one is first asked for.
        """
        if isinstance(value, Ref):
            return self._pointing.get((name, value), {})
        if (index := self._valued.get((table, name))) is None:
            index = self._valued[table, name] = defaultdict(dict)
            for row in self._tables[table].values():
                index[row.get(name)][row.ref] = None
        return index.get(value, {})

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """All or nothing: what the block stages is committed at its end, or forgotten when it raises.

        A transaction within a transaction of the same thread belongs to the outer one's lock, not to its fate.
        """
        with self.lock:
            transaction = Transaction(self)
            yield transaction
            self._commit(transaction)

    def next_id(self, table: str) -> int:
        """A fresh id; like a database sequence, it is not given back on failure."""
        with self.lock:
            self._last_ids[table] = self._last_ids.get(table, 0) + 1
            return self._last_ids[table]

    def reserve_ids(self, table: str, last: int) -> None:
        """Let a table's ids begin after `last`, unless they are already further."""
        with self.lock:
            self._last_ids[table] = max(self._last_ids.get(table, 0), last)

    def _commit(self, transaction: "Transaction") -> None:
        staged, gone = transaction.staged, transaction.gone
        if not staged and not gone:
            return
        with self._disk:
            self._disk.executemany(
                "insert or replace into row values (?, ?, ?)",
                [(row.ref.table, row.id, to_json(row)) for row in staged.values()],
            )
            self._disk.executemany("delete from row where tbl = ? and id = ?", [(ref.table, ref.id) for ref in gone])
            self._disk.executemany("insert or replace into last_id values (?, ?)", self._last_ids.items())
        for ref in gone:
            self._hide(ref)
        for row in staged.values():
            self._hide(row.ref, keep_place=True)
            self._show(row)

    def _show(self, row: Row) -> None:
        self._tables[row.ref.table][row.id] = row
        for name, ref in row.refs():
            self._pointing[name, ref][row.ref] = None
        for name, index in self._indexes(row.ref.table):
            index[row.get(name)][row.ref] = None

    def _hide(self, ref: Ref, *, keep_place: bool = False) -> None:
        table = self._tables[ref.table]
        row = table.get(ref.id) if keep_place else table.pop(ref.id, None)
        if row is None:
            return
        for name, target in row.refs():
            self._pointing[name, target].pop(ref, None)
            if not self._pointing[name, target]:
                del self._pointing[name, target]
        for name, index in self._indexes(ref.table):
            value = row.get(name)
            index[value].pop(ref, None)
            if not index[value]:
                del index[value]

    def _indexes(self, table: str) -> Iterator[tuple[str, dict[Value, dict[Ref, None]]]]:
        return ((name, index) for (of, name), index in self._valued.items() if of == table)


class Transaction:
    """The database as one writer sees it before committing."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.staged: dict[Ref, Row] = {}
        self.gone: set[Ref] = set()

    def get(self, ref: Ref) -> Row | None:
        """The row at an address, with what this transaction did to it."""
        if ref in self.gone:
            return None
        return self.staged.get(ref) or self.database.get(ref)

    def put(self, row: Row) -> Row:
        """Stage a new or changed row."""
        self.gone.discard(row.ref)
        self.staged[row.ref] = row
        return row

    def delete(self, refs: Iterable[Ref]) -> None:
        """Stage the end of rows."""
        for ref in refs:
            self.staged.pop(ref, None)
            self.gone.add(ref)

    def pointing_at(self, ref: Ref, table: str, name: str) -> list[Row]:
        """The rows of `table` whose property `name` is `ref`, staged ones included, by id."""
        found = {row.ref: row for row in self.database.pointing_at(ref, table, name) if row.ref not in self.gone}
        for row in self.staged.values():
            if row.ref.table == table:
                found.pop(row.ref, None)
                if row.get(name) == ref:
                    found[row.ref] = row
        return sorted(found.values(), key=lambda row: row.id)

    def new_ref(self, table: str) -> Ref:
        """An address for a new row."""
        return Ref(table, self.database.next_id(table))
