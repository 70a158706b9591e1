"""Answers HQL from the database, as one caller may see it; what is not understood is refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.understudy.convert import Fetch, Reader
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.hql_index import Index
from deployments.sandbox.understudy.hql_names import check, fetch_trees, fetches_collections, resolve, roots
from deployments.sandbox.understudy.hql_parser import parse
from deployments.sandbox.understudy.hql_rows import Bound, Found, Walker
from deployments.sandbox.understudy.hql_tree import (
    AGGREGATES,
    Binary,
    Exists,
    Expression,
    Function,
    IsNull,
    Literal,
    Not,
    Parameter,
    Path,
    Select,
    Within,
    select_mentions,
)
from deployments.sandbox.understudy.hql_values import combine, compare, plain, sort_key
from deployments.sandbox.understudy.refusals import query_not_modelled, query_refused
from deployments.sandbox.understudy.rows import Row


@dataclass
class Answer:
    """What a query found."""

    rows: list[tuple[Found, ...]]
    fetch: list[Fetch]
    """For each column, what to load with its rows."""
    repeats: bool
    """A fetched collection repeats the row it belongs to, once for each element, unless results are distinct."""


class Hql:
    """One query of one caller."""

    def __init__(self, database: Database, reader: Reader, parameters: Mapping[str, Any]) -> None:
        self._database = database
        self._walk = Walker(database, reader)
        self._parameters = parameters
        self._subselects: dict[int, frozenset[Found]] = {}

    def answer(self, text: str) -> Answer:
        """Run a query.

        Raises:
            omero.QueryException: it is wrong, or not modelled.
        """
        select = parse(text)
        kinds = check(select, {})
        trees = fetch_trees(select, kinds)
        columns = select.columns or (Path((roots(select)[0][1],)),)
        fetch = [trees.get(column.parts[0], {}) if isinstance(column, Path) else {} for column in columns]
        return Answer(list(self._run(select, {})), fetch, fetches_collections(select, kinds))

    def _run(self, select: Select, outer: Bound) -> Iterator[tuple[Found, ...]]:
        if select.group:
            raise query_not_modelled("'group by' in a query")
        check(select, {alias: row.kind if row else None for alias, row in outer.items()})
        columns = select.columns or (Path((roots(select)[0][1],)),)
        bounds = [bound for bound in self._bind(select, outer) if self._holds(select, bound)]
        if any(isinstance(column, Function) and column.name in AGGREGATES for column in columns):
            yield tuple(self._aggregate(column, bounds) for column in columns)
            return
        for key, descending in reversed(select.order):
            bounds.sort(key=lambda bound, key=key: sort_key(self._value(key, bound)), reverse=descending)  # type: ignore[misc]
        results = (tuple(self._value(column, bound) for column in columns) for bound in bounds)
        yield from dict.fromkeys(results) if select.distinct else results

    def _holds(self, select: Select, bound: Bound) -> bool:
        return select.where is None or self._value(select.where, bound) is True

    def _bind(self, select: Select, outer: Bound) -> list[Bound]:
        bounds: list[Bound] = [outer]
        index = Index(self._database, select, outer, self._value)
        for name, alias in roots(select):
            rows = self._walk.rows_of(name, index.rows_of(alias))
            bounds = [{**bound, alias: row} for bound in bounds for row in rows]
        for number, join in enumerate(select.joins):
            alias = join.alias or f"_join{number}"
            nothing: list[Row | None] = [None] if join.outer else []
            bounds = [
                {**bound, alias: row}
                for bound in bounds
                for row in self._walk.joined(resolve(join.path.parts, bound), bound) or nothing  # type: ignore[arg-type]
            ]
        return bounds

    # Values

    def _value(self, expression: Expression, bound: Bound) -> Any:
        match expression:
            case Literal(value):
                return value
            case Parameter(name):
                return self._parameter(name)
            case Path(parts):
                return self._path(parts, bound)
            case Function(name, arguments):
                return self._function(name, arguments, bound)
        return self._condition(expression, bound)

    def _condition(self, expression: Expression, bound: Bound) -> Any:
        match expression:
            case Not(inner):
                value = self._value(inner, bound)
                return None if value is None else not value
            case IsNull(inner):
                return self._value(inner, bound) is None
            case Within(left, choices):
                return self._within(plain(self._value(left, bound)), choices, bound)
            case Exists(select):
                return any(True for _ in self._run(select, bound))
            case Binary("and" | "or" as operator, left, right):
                first = self._value(left, bound)
                return first if first is (operator == "or") else combine(operator, first, self._value(right, bound))
            case Binary(operator, left, right):
                return compare(operator, plain(self._value(left, bound)), plain(self._value(right, bound)))
        raise query_not_modelled(type(expression).__name__)

    def _path(self, parts: tuple[str, ...], bound: Bound) -> Found:
        resolved = resolve(parts, bound)  # type: ignore[arg-type]
        return self._walk.follow(resolved, bound) if resolved[0] in bound else resolved[0]

    def _parameter(self, name: str) -> Any:
        if name not in self._parameters:
            raise query_refused(f"Not all named parameters have been set: [{name}]")
        return self._parameters[name]

    def _within(self, value: Any, choices: tuple[Expression, ...] | Select, bound: Bound) -> bool | None:
        if value is None:
            return None
        if isinstance(choices, Select):
            return value in self._subselect(choices, bound)
        found = [self._value(choice, bound) for choice in choices]
        flat = [one for some in found for one in (some if isinstance(some, list | tuple) else [some])]
        return value in map(plain, flat)

    def _subselect(self, select: Select, bound: Bound) -> frozenset[Found]:
        """Evaluated once, unless it speaks of the outer query's aliases."""
        if any(select_mentions(select, alias) for alias in bound):
            return frozenset(plain(row[0]) for row in self._run(select, bound))
        if id(select) not in self._subselects:
            self._subselects[id(select)] = frozenset(plain(row[0]) for row in self._run(select, {}))
        return self._subselects[id(select)]

    def _function(self, name: str, arguments: tuple[Expression, ...], bound: Bound) -> Any:
        if name == "size" and len(arguments) == 1 and isinstance(arguments[0], Path):
            *before, last = resolve(arguments[0].parts, bound)  # type: ignore[arg-type]
            row = self._walk.follow(tuple(before), bound)
            return len(self._walk.elements(row, last)) if isinstance(row, Row) else 0
        values = [self._value(argument, bound) for argument in arguments]
        if None in values:
            return None
        match name:
            case "lower":
                return str(values[0]).lower()
            case "upper":
                return str(values[0]).upper()
            case "concat":
                return "".join(map(str, values))
        raise query_not_modelled(f"the function {name} here")

    def _aggregate(self, column: Expression, bounds: list[Bound]) -> Any:
        if not (isinstance(column, Function) and column.name in AGGREGATES):
            raise query_not_modelled("values beside an aggregate")
        if not column.arguments:
            return len(bounds)
        values = [plain(self._value(column.arguments[0], bound)) for bound in bounds]
        values = [value for value in values if value is not None]
        if column.name == "count":
            return len(set(values)) if column.distinct else len(values)
        return (max if column.name == "max" else min)(values, default=None)
