"""The parts of a parsed query, and which aliases they speak of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

AGGREGATES = {"count", "max", "min"}


@dataclass(frozen=True)
class Literal:
    """A value in the text."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Parameter:
    """`:name`."""

    name: str


@dataclass(frozen=True)
class Path:
    """`alias.property.property`."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """`lower(x)`, `count(distinct x)`; `count(*)` has no arguments."""

    name: str
    arguments: tuple["Expression", ...]
    distinct: bool = False


@dataclass(frozen=True)
class Binary:
    """A comparison, `and`, `or`, `like`, `||`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Not:
    """Negation."""

    inner: "Expression"


@dataclass(frozen=True)
class IsNull:
    """`x is null`."""

    inner: "Expression"


@dataclass(frozen=True)
class Within:
    """`x in (...)`: a list of expressions, or a sub-select."""

    left: "Expression"
    choices: "tuple[Expression, ...] | Select"


@dataclass(frozen=True)
class Exists:
    """`exists (select ...)`."""

    select: "Select"


Expression = Literal | Parameter | Path | Function | Binary | Not | IsNull | Within | Exists


@dataclass(frozen=True)
class Join:
    """`[left outer] join [fetch] path [as] alias`."""

    path: Path
    alias: str | None
    outer: bool
    fetch: bool


@dataclass(frozen=True)
class Select:
    """A whole query."""

    columns: tuple[Expression, ...]
    """Empty: the first root itself."""
    distinct: bool
    roots: tuple[tuple[str, str], ...]
    """Class and alias."""
    joins: tuple[Join, ...]
    where: Expression | None
    order: tuple[tuple[Expression, bool], ...] = field(default=())
    """Expression, descending?"""
    group: tuple[Expression, ...] = ()


def paths_in(expression: Any) -> Iterator[Path]:
    """All paths of an expression, those of sub-selects excepted."""
    match expression:
        case Path():
            yield expression
        case Binary(_, left, right):
            yield from paths_in(left)
            yield from paths_in(right)
        case Not(inner) | IsNull(inner):
            yield from paths_in(inner)
        case Within(left, choices):
            yield from paths_in(left)
            if isinstance(choices, tuple):
                for choice in choices:
                    yield from paths_in(choice)
        case Function(_, arguments):
            for argument in arguments:
                yield from paths_in(argument)


def mentions(expression: Any, alias: str) -> bool:
    """Does an expression, or a sub-select in it, speak of an alias?"""
    if any(path.parts[0] == alias for path in paths_in(expression)):
        return True
    match expression:
        case Binary(_, left, right):
            return mentions(left, alias) or mentions(right, alias)
        case Not(inner) | IsNull(inner):
            return mentions(inner, alias)
        case Within(_, Select() as select) | Exists(select):
            return select_mentions(select, alias)
    return False


def select_mentions(select: Select, alias: str) -> bool:
    """Does a sub-select speak of an alias that is not its own?"""
    own = {own for _, own in select.roots}
    paths = [*(join.path for join in select.joins), *select.columns]
    return alias not in own and (any(mentions(path, alias) for path in paths) or mentions(select.where, alias))
