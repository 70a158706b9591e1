"""Answers parsed HQL from the database, as one caller may see it; what is not understood is refused.

Every class and collection in `from` shows only rows that the caller may read, as Hibernate's filters do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.sandbox.understudy.convert import Fetch, Reader
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.hql_parser import (
    AGGREGATES, Binary, Exists, Expression, Function, IsNull, Join, Literal, Not, Parameter, Path, Select, Within, parse,
)  # fmt: skip
from deployments.sandbox.understudy.refusals import query_not_modelled, query_refused
from deployments.sandbox.understudy.rows import Quantity, Ref, Row, Value
from deployments.sandbox.understudy.schema import concrete, exists_in_omero, is_known, kind_of, table_of

Bound = dict[str, Row | None]
"""The row that each alias stands for."""
Found = Value | Row
DETAILS = {"owner": "Experimenter", "group": "ExperimenterGroup", "creationEvent": "Event", "updateEvent": "Event"}


@dataclass
class Answer:
    """What a query found: for each result its columns, and what to load with each column's rows."""

    rows: list[tuple[Found, ...]]
    fetch: list[Fetch] = field(default_factory=list)


class Hql:
    """One query of one caller."""

    def __init__(self, database: Database, reader: Reader, parameters: Mapping[str, Any]) -> None:
        self._database, self._reader, self._parameters = database, reader, parameters
        self._subselects: dict[int, frozenset[Found]] = {}

    def answer(self, text: str) -> Answer:
        """Run a query.

        Raises:
            omero.QueryException: wrong, or not modelled.
        """
        select = parse(text)
        trees = self._fetch_trees(select)
        first = self._aliases(select)[0][1]
        columns = select.columns or (Path((first,)),)
        fetch = [trees.get(column.parts[0], {}) if isinstance(column, Path) else {} for column in columns]
        return Answer(list(self._run(select, {})), fetch)

    # From and joins

    @staticmethod
    def _aliases(select: Select) -> list[tuple[str, str]]:
        return [(name, alias or f"_{index}") for index, (name, alias) in enumerate(select.roots)]

    def _run(self, select: Select, outer: Bound) -> Iterator[tuple[Found, ...]]:
        if select.group:
            raise query_not_modelled("'group by' in a query")
        self._check(select, outer)
        aliases = self._aliases(select)
        columns = select.columns or (Path((aliases[0][1],)),)
        bounds = [
            bound
            for bound in self._bind(select, outer)
            if select.where is None or self._value(select.where, bound) is True
        ]
        if any(isinstance(column, Function) and column.name in AGGREGATES for column in columns):
            yield tuple(self._aggregate(column, bounds) for column in columns)
            return
        for key, descending in reversed(select.order):
            bounds.sort(key=lambda bound, key=key: _sort_key(self._value(key, bound)), reverse=descending)
        results = (tuple(self._value(column, bound) for column in columns) for bound in bounds)
        yield from dict.fromkeys(results) if select.distinct else results

    def _bind(self, select: Select, outer: Bound) -> Iterable[Bound]:
        bounds: list[Bound] = [outer]
        for name, alias in self._aliases(select):
            rows = self._rows_of(name)
            bounds = [{**bound, alias: row} for bound in bounds for row in rows]
        for index, join in enumerate(select.joins):
            if join.fetch and not self._is_used(select, join):
                continue
            bounds = [
                {**bound, join.alias or f"_join{index}": row} for bound in bounds for row in self._joined(join, bound)
            ]
        return bounds

    @staticmethod
    def _is_used(select: Select, join: Join) -> bool:
        """A fetch join of a collection that nothing else mentions only says what to load."""
        expressions = (select.where, *(key for key, _ in select.order), *select.columns)
        return (join.alias is not None and any(_mentions(part, join.alias) for part in expressions)) or not join.outer

    def _rows_of(self, name: str) -> list[Row]:
        wanted = concrete(name)
        table = self._database.table(table_of(name) if name in wanted else name)
        return [row for row in table if row.kind in wanted and self._reader.access.readable(row)]

    def _joined(self, join: Join, bound: Bound) -> list[Row | None]:
        *before, last = join.path.parts
        found: list[Row | None] = []
        if before[-1] == "details":
            end = self._follow(join.path.parts, bound)
            found.extend([end] if isinstance(end, Row) else [])
        elif isinstance(start := self._follow(tuple(before), bound), Row):
            found.extend(self._step_rows(start, last))
        return found or ([None] if join.outer else [])

    def _step_rows(self, row: Row, name: str) -> list[Row]:
        kind = kind_of(row.kind)
        if name in kind.collections:
            table, back = kind.collections[name]
            return [one for one in self._reader.pointing_at(row.ref, table, back) if self._reader.access.readable(one)]
        target = self._step(row, name)
        return [target] if isinstance(target, Row) else []

    # Paths

    def _follow(self, parts: tuple[str, ...], bound: Bound) -> Found:
        """The value at the end of a path; None when something on the way is null."""
        here: Found = bound[parts[0]]
        at = 1
        while at < len(parts) and isinstance(here, Row):
            if parts[at] == "details" and at + 1 < len(parts):
                here, at = self._detail(here, parts[at + 1]), at + 2
            else:
                here, at = self._step(here, parts[at]), at + 1
        return here if at == len(parts) or here is None else None

    def _detail(self, row: Row, name: str) -> Found:
        ids = {"owner": row.owner, "group": row.group, "creationEvent": row.created, "updateEvent": row.updated}
        row_id = ids.get(name)
        return None if row_id is None else self._database.get(Ref(DETAILS[name], row_id))

    def _step(self, row: Row, name: str) -> Found:
        if name == "id":
            return row.id
        if name == "class":
            return row.kind
        value = row.get(name)
        return self._database.get(value) if isinstance(value, Ref) else value

    # Values

    def _value(self, expression: Expression, bound: Bound) -> Any:
        match expression:
            case Literal(value):
                return value
            case Parameter(name):
                return self._parameter(name)
            case Path(parts):
                return parts[0] if parts[0] not in bound else self._follow(parts, bound)
            case Not(inner):
                value = self._value(inner, bound)
                return None if value is None else not value
            case IsNull(inner):
                return self._value(inner, bound) is None
            case Within():
                return self._within(expression, bound)
            case Exists(select):
                return any(True for _ in self._run(select, bound))
            case Binary("and" | "or"):
                return self._logic(expression, bound)
            case Binary(operator, left, right):
                return _compare(operator, _plain(self._value(left, bound)), _plain(self._value(right, bound)))
            case Function(name, arguments):
                return self._function(name, arguments, bound)

    def _parameter(self, name: str) -> Any:
        if name not in self._parameters:
            raise query_refused(f"Not all named parameters have been set: [{name}]")
        return self._parameters[name]

    def _logic(self, expression: Binary, bound: Bound) -> bool | None:
        """SQL's three values."""
        decisive = expression.operator == "or"
        left = self._value(expression.left, bound)
        if left is decisive:
            return decisive
        right = self._value(expression.right, bound)
        if right is decisive:
            return decisive
        return None if left is None or right is None else not decisive

    def _within(self, expression: Within, bound: Bound) -> bool | None:
        value = _plain(self._value(expression.left, bound))
        if value is None:
            return None
        if isinstance(expression.choices, Select):
            return value in self._subselect(expression.choices, bound)
        choices: list[Any] = []
        for choice in expression.choices:
            found = self._value(choice, bound)
            choices.extend(found if isinstance(found, list | tuple) else [found])
        return value in map(_plain, choices)

    def _subselect(self, select: Select, bound: Bound) -> frozenset[Found]:
        """Evaluated once, unless it speaks of the outer query's aliases."""
        if any(_select_mentions(select, alias) for alias in bound):
            return frozenset(_plain(row[0]) for row in self._run(select, bound))
        if id(select) not in self._subselects:
            self._subselects[id(select)] = frozenset(_plain(row[0]) for row in self._run(select, {}))
        return self._subselects[id(select)]

    def _function(self, name: str, arguments: tuple[Expression, ...], bound: Bound) -> Any:
        if name == "size" and len(arguments) == 1 and isinstance(arguments[0], Path):
            *before, last = arguments[0].parts
            row = self._follow(tuple(before), bound)
            return len(self._step_rows(row, last)) if isinstance(row, Row) else 0
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
        values = [_plain(self._value(column.arguments[0], bound)) for bound in bounds]
        values = [value for value in values if value is not None]
        if column.name == "count":
            return len(set(values)) if column.distinct else len(values)
        return (max if column.name == "max" else min)(values, default=None)

    # Checks before running, so that a wrong name is wrong even when there are no rows

    def _check(self, select: Select, outer: Bound) -> None:
        kinds: dict[str, str | None] = {alias: row.kind if row else None for alias, row in outer.items()}
        for name, alias in self._aliases(select):
            if not exists_in_omero(name):
                raise query_refused(f"{name} is not mapped")
            if not is_known(name):
                raise query_not_modelled(f"the class {name}")
            kinds[alias] = name
        for join in select.joins:
            end = self._kind_at(join.path.parts, kinds)
            if join.alias:
                kinds[join.alias] = end
        for expression in (select.where, *select.columns, *(key for key, _ in select.order)):
            for path in _paths(expression):
                self._check_path(path, kinds, select)

    def _check_path(self, path: Path, kinds: dict[str, str | None], select: Select) -> None:
        if path.parts[0] in kinds:
            self._kind_at(path.parts, kinds)
        elif not (len(path.parts) == 1 and exists_in_omero(path.parts[0])):
            raise query_not_modelled(f"the path {'.'.join(path.parts)} without the alias of its class")

    @staticmethod
    def _kind_at(parts: tuple[str, ...], kinds: dict[str, str | None]) -> str | None:
        """The class at the end of a path, None for plain values and for what is always empty."""
        if parts[0] not in kinds:
            raise query_refused(f"Invalid path: {'.'.join(parts)}")
        here, at = kinds[parts[0]], 1
        while at < len(parts) and here is not None:
            here, at = _kind_after(here, parts, at)
        return here

    def _fetch_trees(self, select: Select) -> dict[str, Fetch]:
        """For each alias, what `join fetch` says to load below it."""
        trees: dict[str, Fetch] = {alias: {} for _, alias in self._aliases(select)}
        for join in select.joins:
            node = trees.setdefault(join.path.parts[0], {})
            if join.fetch:
                for part in join.path.parts[1:]:
                    node = node.setdefault(part, {})
                if join.alias:
                    trees[join.alias] = node
            elif join.alias:
                trees[join.alias] = {}
        return trees


def _kind_after(here: str, parts: tuple[str, ...], at: int) -> tuple[str | None, int]:
    name = parts[at]
    if name in ("id", "class", "version"):
        return None, at + 1
    if name == "details":
        if at + 1 == len(parts) or parts[at + 1] in ("externalInfo", "permissions"):
            return None, len(parts)
        if parts[at + 1] not in DETAILS:
            raise query_refused(f"could not resolve property: {parts[at + 1]} of: details")
        return DETAILS[parts[at + 1]], at + 2
    known = [kind_of(kind) for kind in concrete(here)]
    for kind in known:
        if name in kind.references:
            return kind.references[name], at + 1
        if name in kind.collections:
            table, _ = kind.collections[name]
            return table, at + 1
    if not any(kind.has(name) for kind in known):
        raise query_refused(f"could not resolve property: {name} of: {known[0].java_name} [{'.'.join(parts)}]")
    return None, at + 1


def _paths(expression: Any) -> Iterator[Path]:
    """All paths of an expression, those of sub-selects excepted."""
    match expression:
        case Path():
            yield expression
        case Binary(_, left, right):
            yield from _paths(left)
            yield from _paths(right)
        case Not(inner) | IsNull(inner):
            yield from _paths(inner)
        case Within(left, choices):
            yield from _paths(left)
            if isinstance(choices, tuple):
                for choice in choices:
                    yield from _paths(choice)
        case Function(_, arguments):
            for argument in arguments:
                yield from _paths(argument)


def _mentions(expression: Any, alias: str) -> bool:
    if any(path.parts[0] == alias for path in _paths(expression)):
        return True
    match expression:
        case Binary(_, left, right):
            return _mentions(left, alias) or _mentions(right, alias)
        case Not(inner) | IsNull(inner):
            return _mentions(inner, alias)
        case Within(_, Select() as select) | Exists(select):
            return _select_mentions(select, alias)
    return False


def _select_mentions(select: Select, alias: str) -> bool:
    own = {own for _, own in select.roots}
    paths = [*(join.path for join in select.joins), *select.columns]
    return alias not in own and (any(_mentions(path, alias) for path in paths) or _mentions(select.where, alias))


def _plain(value: Any) -> Any:
    """Rows are compared by their ids, as Hibernate does."""
    return value.id if isinstance(value, Row | Ref) else value


def _sort_key(value: Any) -> tuple[bool, Any]:
    """PostgreSQL sorts nulls last."""
    plain = _plain(value)
    return plain is None, 0 if plain is None else plain


def _compare(operator: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        raise query_not_modelled("comparing quantities with units")
    match operator:
        case "=":
            return left == right
        case "!=":
            return left != right
        case "like":
            pattern = re.escape(str(right)).replace("%", ".*").replace("_", ".")
            return re.fullmatch(pattern, str(left), re.DOTALL) is not None
        case "||":
            return f"{left}{right}"
    try:
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]
    except TypeError as error:
        raise query_refused(f"cannot compare {left!r} with {right!r}") from error
