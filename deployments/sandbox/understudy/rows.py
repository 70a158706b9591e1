"""What the database holds: immutable rows, and how their values become JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A row's address: the table (subclasses of Annotation and Job share theirs) and the id."""

    table: str
    id: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, for instance `Quantity("Length", 0.1, "MICROMETER")`."""

    kind: str
    value: float
    unit: str


Pairs = tuple[tuple[str, str], ...]
Value = str | int | float | bool | Ref | Quantity | Pairs | None


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One object of OMERO's model, as one transaction left it; equal only to itself."""

    kind: str
    """The concrete class, for instance `MapAnnotation`."""
    ref: Ref
    values: Mapping[str, Value]
    owner: int | None = None
    """None for what belongs to the system."""
    group: int | None = None
    created: int | None = None
    """The id of the Event in which it was made."""
    updated: int | None = None
    marks: Mapping[str, Value] = field(default_factory=dict)
    """What the server remembers and no client sees."""

    @property
    def id(self) -> int:
        """The id within its table."""
        return self.ref.id

    def get(self, name: str) -> Value:
        """The value of a property, None when it was never set."""
        return self.values.get(name)

    def refs(self) -> list[tuple[str, Ref]]:
        """The properties that point at other rows."""
        return [(name, value) for name, value in self.values.items() if isinstance(value, Ref)]


def to_json(row: Row) -> str:
    """The row as it is kept in the database file."""
    return json.dumps(
        {
            "kind": row.kind,
            "values": {name: _encode(value) for name, value in row.values.items()},
            "system": [row.owner, row.group, row.created, row.updated],
            "marks": {name: _encode(value) for name, value in row.marks.items()},
        }
    )


def from_json(table: str, row_id: int, text: str) -> Row:
    """The row that `to_json` wrote."""
    data = json.loads(text)
    owner, group, created, updated = data["system"]
    return Row(
        kind=data["kind"],
        ref=Ref(table, row_id),
        values={name: _decode(value) for name, value in data["values"].items()},
        owner=owner,
        group=group,
        created=created,
        updated=updated,
        marks={name: _decode(value) for name, value in data["marks"].items()},
    )


def _encode(value: Value) -> Any:
    match value:
        case Ref(table, row_id):
            return {"ref": [table, row_id]}
        case Quantity(kind, number, unit):
            return {"quantity": [kind, number, unit]}
        case tuple():
            return {"pairs": [list(pair) for pair in value]}
        case _:
            return value


def _decode(value: Any) -> Value:
    match value:
        case {"ref": [table, row_id]}:
            return Ref(table, row_id)
        case {"quantity": [kind, number, unit]}:
            return Quantity(kind, number, unit)
        case {"pairs": pairs}:
            return tuple((name, text) for name, text in pairs)
        case _:
            return value  # type: ignore[no-any-return]
