"""Walking from row to row along the paths of a query, seeing only what the caller may read."""

from collections.abc import Mapping

from deployments.sandbox.understudy.convert import Reader
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.hql_names import DETAILS
from deployments.sandbox.understudy.rows import Ref, Row, Value
from deployments.sandbox.understudy.schema import concrete, kind_of, table_of

Bound = dict[str, Row | None]
"""The row that each alias stands for."""
Found = Value | Row


class Walker:
    """Finds the rows of classes, joins and paths."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    def rows_of(self, name: str, among: list[Row] | None = None) -> list[Row]:
        """The readable rows of a class, of all or of some."""
        wanted = concrete(name)
        table = self._database.table(table_of(name)) if among is None else among
        return [row for row in table if row.kind in wanted and self._reader.access.readable(row)]

    def joined(self, parts: tuple[str, ...], bound: Bound) -> list[Row]:
        """What a join adds to one result."""
        *before, last = parts
        if before[-1] == "details":
            end = self.follow(parts, bound)
            return [end] if isinstance(end, Row) else []
        start = self.follow(tuple(before), bound)
        return self.elements(start, last) if isinstance(start, Row) else []

    def elements(self, row: Row, name: str) -> list[Row]:
        """The rows of a collection, or the one that a reference points at."""
        kind = kind_of(row.kind)
        if name in kind.collections:
            table, back = kind.collections[name]
            return [one for one in self._reader.pointing_at(row.ref, table, back) if self._reader.access.readable(one)]
        target = self._step(row, name)
        return [target] if isinstance(target, Row) else []

    def follow(self, parts: tuple[str, ...], bound: Mapping[str, Row | None]) -> Found:
        """The value at the end of a path; None when something on the way is null."""
        here: Found = bound[parts[0]]
        rest = parts[1:]
        while rest and isinstance(here, Row):
            if rest[0] == "details":
                here, rest = self._detail(here, rest[1]), rest[2:]
            else:
                here, rest = self._step(here, rest[0]), rest[1:]
        return None if rest else here

    def _detail(self, row: Row, name: str) -> Found:
        ids = {"owner": row.owner, "group": row.group, "creationEvent": row.created, "updateEvent": row.updated}
        row_id = ids.get(name)
        return None if row_id is None else self._database.get(Ref(DETAILS[name], row_id))

    def _step(self, row: Row, name: str) -> Found:
        if name in ("id", "class"):
            return row.id if name == "id" else row.kind
        value = row.get(name)
        if isinstance(value, Ref) and value.table == "Session":
            # Sessions live in memory only: of one that an event names nothing is known but its id.
            return Row("Session", value, {})
        return self._database.get(value) if isinstance(value, Ref) else value
