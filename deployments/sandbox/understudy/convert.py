"""Rows become objects of omero.model, with what was asked for fetched and everything else unloaded."""

from collections.abc import Callable
from typing import Any

import omero
import omero.model
from omero.rtypes import rlong

from deployments.sandbox.understudy.access import Access, Right
from deployments.sandbox.understudy.rows import Quantity, Ref, Row, Value
from deployments.sandbox.understudy.schema import concrete, kind_of

Fetch = dict[str, Any]
"""Properties to load, each with what to load below it: `{"pixels": {"channels": {}}}`."""
NOTHING: Fetch = {}


class Reader:
    """Finds rows and hands them out as objects, for one caller."""

    def __init__(
        self,
        find: Callable[[Ref], Row | None],
        pointing_at: Callable[[Ref, str, str], list[Row]],
        access: Access,
    ) -> None:
        self.find = find
        self.pointing_at = pointing_at
        self.access = access

    def proxy(self, ref: Ref) -> Any:
        """The unloaded object: class and id only."""
        row = self.find(ref)
        kind = row.kind if row else concrete(ref.table)[0]
        return getattr(omero.model, kind + "I")(ref.id, False)

    def load(self, row: Row, fetch: Fetch = NOTHING) -> Any:
        """The object with its own properties, and the references and collections named in `fetch`."""
        kind = kind_of(row.kind)
        thing = getattr(omero.model, row.kind + "I")(row.id, True)
        thing.unloadCollections()
        fields = thing._field_info  # noqa: SLF001
        for name in kind.scalars:
            value = row.get(name)
            setattr(thing, f"_{name}", None if value is None else getattr(fields, name).wrapper(value))
        for name in (*kind.pairs, *kind.quantities):
            setattr(thing, f"_{name}", to_value(row.get(name)))
        for name in kind.references:
            setattr(thing, f"_{name}", self._reference(row.get(name), fetch.get(name)))
        for name in fetch.keys() & kind.collections.keys():
            self._fill(thing, row, name, fetch[name])
        for name in fetch.keys() & kind.empty_collections:
            _set_collection(thing, name, [])
        thing._version = omero.rtypes.rint(row.marks.get("version", 0)) if hasattr(thing, "_version") else None  # noqa: SLF001
        thing._details = self.details(row, fetch.get("details", NOTHING))  # noqa: SLF001
        return thing

    def _reference(self, ref: Value, fetch: Fetch | None) -> Any:
        if not isinstance(ref, Ref):
            return None
        row = self.find(ref) if fetch is not None else None
        return self.load(row, fetch or NOTHING) if row else self.proxy(ref)

    def _fill(self, thing: Any, row: Row, name: str, fetch: Fetch) -> None:
        table, back = kind_of(row.kind).collections[name]
        found = [element for element in self.pointing_at(row.ref, table, back) if self.access.readable(element)]
        elements = [self.load(element, fetch) for element in found]
        for element in elements:
            if back not in fetch:
                setattr(element, f"_{back}", thing)
        _set_collection(thing, name, elements)

    def details(self, row: Row, fetch: Fetch) -> Any:
        """Owner, group, events and permissions, with what this caller may do."""
        details = omero.model.DetailsI()
        details._owner = self._detail("Experimenter", row.owner, fetch.get("owner"))  # noqa: SLF001
        details._group = self._detail("ExperimenterGroup", row.group, fetch.get("group"))  # noqa: SLF001
        details._creationEvent = self._detail("Event", row.created, fetch.get("creationEvent"))  # noqa: SLF001
        details._updateEvent = self._detail("Event", row.updated, fetch.get("updateEvent"))  # noqa: SLF001
        details._permissions = self._permissions(row)  # noqa: SLF001
        return details

    def _detail(self, table: str, row_id: int | None, fetch: Fetch | None) -> Any:
        return None if row_id is None else self._reference(Ref(table, row_id), fetch)

    def _permissions(self, row: Row) -> Any:
        access = self.access
        group = row.id if row.kind == "ExperimenterGroup" else row.group
        permissions = omero.model.PermissionsI(access.permissions_of(group) if group is not None else "rwrwrw")
        may_write, may_delete = access.allows(row, Right.WRITE), access.allows(row, Right.WRITE, delete=True)
        may_annotate = access.allows(row, Right.ANNOTATE)
        permissions._restrictions = [not may_write, not may_write, not may_delete, not may_annotate]  # noqa: SLF001
        return permissions


def _set_collection(thing: Any, name: str, elements: list[Any]) -> None:
    setattr(thing, f"_{name}Seq", elements)
    setattr(thing, f"_{name}Loaded", True)


def to_value(value: Value) -> Any:
    """Pairs and quantities as OMERO's clients know them."""
    match value:
        case Quantity(kind, number, unit):
            units = getattr(omero.model.enums, f"Units{kind}")
            return getattr(omero.model, kind + "I")(number, getattr(units, unit))
        case tuple():
            return [omero.model.NamedValue(name, text) for name, text in value]
    return None


def from_value(thing: Any) -> Value:
    """What a client sent: an rtype, a list of named values, a quantity, or nothing."""
    if thing is None:
        return None
    if isinstance(thing, omero.RType):
        value: Value = omero.rtypes.unwrap(thing)
        return value
    if isinstance(thing, list):
        return tuple((pair.name, pair.value) for pair in thing)
    kind = type(thing).__name__.removesuffix("I")
    return Quantity(kind, thing.getValue(), str(thing.getUnit()))


def object_id(thing: Any) -> int | None:
    """The id of an object of omero.model."""
    value = thing._id  # noqa: SLF001
    return None if value is None else int(value.val if isinstance(value, type(rlong(0))) else value)
