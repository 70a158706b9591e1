"""Finds the few rows that can fulfil a condition, as a database's indexes do; the condition itself is asked afterwards.

Without it each question would look at every row, and a store of thousands of images would answer in seconds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.hql_names import resolve, roots
from deployments.sandbox.understudy.hql_rows import Bound
from deployments.sandbox.understudy.hql_tree import Binary, Expression, Literal, Parameter, Path, Select, Within
from deployments.sandbox.understudy.hql_values import plain
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.schema import concrete, kind_of, table_of

Evaluate = Callable[[Expression, Bound], Any]
Wanted = dict[str, list[tuple[tuple[str, ...], list[Any]]]]
"""By alias: the paths below it, and the values of which each has to have one."""


class Index:
    """What the conditions of one query say of the rows that it is about."""

    def __init__(self, database: Database, select: Select, outer: Bound, evaluate: Evaluate) -> None:
        """Read the conditions that have to hold whatever else does.

        Args:
            database: of the rows.
            select: the query.
            outer: what the aliases of a query around it stand for.
            evaluate: gives the value of an expression that speaks of nothing of this query's own.
        """
        self._database = database
        self._kinds = {alias: name for name, alias in roots(select)}
        self._joins = {join.alias: join.path.parts for join in select.joins if join.alias}
        self._aliases: dict[str, object] = {**dict.fromkeys(alias for _, alias in roots(select)), **self._joins}
        self._outer, self._evaluate = outer, evaluate
        self._wanted: Wanted = {}
        for left, choices in _equations(select.where):
            parts = resolve(left.parts, self._aliases)
            if parts[0] in self._aliases and "details" not in parts and all(map(self._is_known, choices)):
                self._wanted.setdefault(parts[0], []).append((parts[1:], self._values(choices)))

    def rows_of(self, alias: str) -> list[Row] | None:
        """Return the rows that may stand for a root, by id; None where nothing narrows them down."""
        with self._database.lock:
            kind = self._kinds[alias]
            found = self._among(alias, kind)
            if found is None:
                found = self._by_a_join(alias, kind)
            if found is None:
                return None
            rows = [self._database.get(ref) for ref in sorted(found) if ref.table == table_of(kind)]
            return [row for row in rows if row is not None]

    def _among(self, alias: str, kind: str) -> set[Ref] | None:
        """Materialise the shortest of the lists that the conditions give."""
        every = [self._with(kind, path, values) for path, values in self._wanted.get(alias, ())]
        fewest = min((each for each in every if each is not None), key=lambda some: sum(map(len, some)), default=None)
        return None if fewest is None else {ref for some in fewest for ref in some}

    def _with(self, kind: str, path: tuple[str, ...], values: list[Any]) -> list[Collection[Ref]] | None:
        table = table_of(kind)
        if path in ((), ("id",)):
            return [(Ref(table, each),) for each in values if isinstance(each, int)]
        if kind not in concrete(kind):
            return None
        known = kind_of(kind)
        if path[0] in known.references and path[1:] in ((), ("id",)):
            refs = [Ref(known.references[path[0]], each) for each in values if isinstance(each, int)]
            return [self._database.valued(table, path[0], ref) for ref in refs]
        if len(path) == 1 and path[0] in known.scalars:
            return [self._database.valued(table, path[0], each) for each in values]
        return None

    def _by_a_join(self, root: str, kind: str) -> set[Ref] | None:
        """Go back from what is joined directly to a root, where that is narrowed down."""
        references = kind_of(kind).references if kind in concrete(kind) else {}
        for alias, (start, *path) in self._joins.items():
            if start != root or len(path) != 1 or path[0] not in references:
                continue
            ends = self._among(alias, references[path[0]])
            if ends is not None:
                return {ref for end in ends for ref in self._database.valued(table_of(kind), path[0], end)}
        return None

    def _is_known(self, choice: Expression) -> bool:
        match choice:
            case Literal() | Parameter():
                return True
            case Path(parts):
                return parts[0] in self._outer and parts[0] not in self._aliases
        return False

    def _values(self, choices: Iterable[Expression]) -> list[Any]:
        found = [self._evaluate(choice, self._outer) for choice in choices]
        return [plain(one) for some in found for one in (some if isinstance(some, list | tuple) else [some])]


def _equations(condition: Expression | None) -> Iterator[tuple[Path, tuple[Expression, ...]]]:
    """Yield what must equal one of some expressions for a condition to hold."""
    match condition:
        case Binary("and", left, right):
            yield from _equations(left)
            yield from _equations(right)
        case Within(Path() as path, tuple(choices)):
            yield path, choices
        case Binary("=", left, right):
            if isinstance(left, Path):
                yield left, (right,)
            if isinstance(right, Path):
                yield right, (left,)
