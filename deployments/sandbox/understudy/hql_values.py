"""Comparing and ordering the values of a query as PostgreSQL does: unknown is neither true nor false."""

import re
from typing import Any

from deployments.sandbox.understudy.refusals import query_not_modelled, query_refused
from deployments.sandbox.understudy.rows import Quantity, Ref, Row


def plain(value: Any) -> Any:
    """Rows are compared by their ids, as Hibernate does."""
    return value.id if isinstance(value, Row | Ref) else value


def sort_key(value: Any) -> tuple[bool, Any]:
    """Nulls come last."""
    key = plain(value)
    return key is None, 0 if key is None else key


def combine(operator: str, left: bool | None, right: bool | None) -> bool | None:
    """`and` and `or` with SQL's three values."""
    decisive = operator == "or"
    if decisive in (left, right):
        return decisive
    return None if left is None or right is None else not decisive


def compare(operator: str, left: Any, right: Any) -> Any:
    """`=`, `!=`, `<`, `like`, `||`...; None when a side is null.

    Raises:
        omero.QueryException: the two cannot be compared.
    """
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
            return re.fullmatch(_pattern(str(right)), str(left), re.DOTALL) is not None
        case "||":
            return f"{left}{right}"
    try:
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]
    except TypeError as error:
        raise query_refused(f"cannot compare {left!r} with {right!r}") from error


def _pattern(like: str) -> str:
    return re.escape(like).replace("%", ".*").replace("_", ".")
