"""Which names of a query mean what: aliases, classes, properties; a wrong one is refused before anything runs.

So a misspelt property is an error even when there are no rows, as with Hibernate.
"""

from collections.abc import Iterator

from deployments.sandbox.understudy.convert import Fetch
from deployments.sandbox.understudy.hql_tree import Path, Select, paths_in
from deployments.sandbox.understudy.refusals import query_not_modelled, query_refused
from deployments.sandbox.understudy.schema import concrete, exists_in_omero, is_known, kind_of

DETAILS = {"owner": "Experimenter", "group": "ExperimenterGroup", "creationEvent": "Event", "updateEvent": "Event"}
EMPTY_DETAILS = ("externalInfo", "permissions")
UNNAMED = "_root"

Kinds = dict[str, str | None]
"""The class, or table, that each alias stands for; None for what is always empty."""


def roots(select: Select) -> list[tuple[str, str]]:
    """Class and alias of each root; a single root may go without an alias."""
    if len(select.roots) > 1 and not all(alias for _, alias in select.roots):
        raise query_refused("Several classes in 'from' need aliases.")
    return [(name, alias or UNNAMED) for name, alias in select.roots]


def resolve(parts: tuple[str, ...], aliases: Kinds | dict[str, object]) -> tuple[str, ...]:
    """A path that begins with an alias; properties of an unnamed root may stand alone."""
    if parts[0] not in aliases and UNNAMED in aliases and not exists_in_omero(parts[0]):
        return (UNNAMED, *parts)
    return parts


def check(select: Select, outer: Kinds) -> Kinds:
    """The classes of all aliases.

    Raises:
        omero.QueryException: a name is wrong, or not modelled.
    """
    kinds = dict(outer)
    for name, alias in roots(select):
        if not exists_in_omero(name):
            raise query_refused(f"{name} is not mapped")
        if not is_known(name):
            raise query_not_modelled(f"the class {name}")
        kinds[alias] = name
    for join in select.joins:
        end = _kind_at(resolve(join.path.parts, kinds), kinds)
        if join.alias:
            kinds[join.alias] = end
    for path in _paths(select):
        parts = resolve(path.parts, kinds)
        if parts[0] in kinds or not (len(parts) == 1 and exists_in_omero(parts[0])):
            _kind_at(parts, kinds)
    return kinds


def _paths(select: Select) -> Iterator[Path]:
    for expression in (select.where, *select.columns, *(key for key, _ in select.order)):
        yield from paths_in(expression)


def _kind_at(parts: tuple[str, ...], kinds: Kinds) -> str | None:
    """The class at the end of a path, None for plain values and for what is always empty."""
    if parts[0] not in kinds:
        raise query_refused(f"Invalid path: '{'.'.join(parts)}'")
    here, rest = kinds[parts[0]], parts[1:]
    while rest and here is not None:
        here, rest = _step(here, rest)
    return here


def _step(here: str, rest: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    name = rest[0]
    if name in ("id", "class"):
        return None, rest[1:]
    if name == "details":
        return _step_into_details(rest[1:])
    known = [kind_of(kind) for kind in concrete(here)]
    for kind in known:
        if name in kind.references:
            return kind.references[name], rest[1:]
        if name in kind.collections:
            return kind.collections[name][0], rest[1:]
    if not any(kind.has(name) for kind in known):
        raise query_refused(f"could not resolve property: {name} of: {known[0].java_name}")
    return None, rest[1:]


def _step_into_details(rest: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    if not rest or rest[0] in EMPTY_DETAILS:
        return None, ()
    if rest[0] not in DETAILS:
        raise query_refused(f"could not resolve property: {rest[0]} of: ome.model.internal.Details")
    return DETAILS[rest[0]], rest[1:]


def fetch_trees(select: Select, kinds: Kinds) -> dict[str, Fetch]:
    """For each alias, what `join fetch` says to load below it."""
    trees: dict[str, Fetch] = {alias: {} for _, alias in roots(select)}
    for join in select.joins:
        alias, *properties = resolve(join.path.parts, kinds)
        node = trees.setdefault(alias, {})
        if join.fetch:
            for name in properties:
                node = node.setdefault(name, {})
        if join.alias:
            trees[join.alias] = node if join.fetch else {}
    return trees


def fetches_collections(select: Select, kinds: Kinds) -> bool:
    """Does a `join fetch` multiply the rows of a result?"""
    for join in select.joins:
        *before, last = resolve(join.path.parts, kinds)
        if join.fetch and before[-1] != "details":
            holder = _kind_at(tuple(before), kinds)
            if holder and any(last in kind_of(kind).collections for kind in concrete(holder)):
                return True
    return False
