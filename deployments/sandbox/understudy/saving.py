"""Objects of omero.model become rows: the graph below what a client sends, checked and staged in one transaction.

Source: omero-server UpdateImpl and OmeroInterceptor. Rows missing from a loaded collection are left alone, as
OMERO's inverse collections do.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import omero
import omero.model

from deployments.sandbox.understudy.access import ALL_GROUPS, Access, Right
from deployments.sandbox.understudy.convert import from_value, object_id
from deployments.sandbox.understudy.database import Transaction
from deployments.sandbox.understudy.refusals import not_modelled, refusal
from deployments.sandbox.understudy.rows import Ref, Row, Value
from deployments.sandbox.understudy.schema import ENUMERATIONS, Kind, kind_of, table_of


def milliseconds() -> int:
    """Now, as OMERO's rtime counts."""
    return int(time.time() * 1000)


def class_name(thing: Any) -> str:
    """`Dataset` for a `DatasetI`."""
    return type(thing).__name__.removesuffix("I")


class Saver:
    """Saves for one caller within one transaction; all new rows share one Event."""

    def __init__(self, transaction: Transaction, access: Access) -> None:
        self.transaction = transaction
        self.access = access
        self._event: int | None = None
        self._seen: dict[int, Ref] = {}

    # What the server itself makes

    def make(self, kind: str, values: Mapping[str, Value], marks: Mapping[str, Value] | None = None) -> Row:
        """A row of the caller's, made by the server; the caller must be allowed to make it."""
        group = self.access.caller.group_id
        self.access.check_creation(kind_of(kind), group)
        return self._put_new(kind_of(kind), self.transaction.new_ref(table_of(kind)), values, group, marks)

    def change(self, row: Row, **values: Value) -> Row:
        """Set properties of a row."""
        marks = {**row.marks, "version": int(str(row.marks.get("version", 0))) + 1}
        changed = replace(row, values={**row.values, **values}, updated=self._event_id(), marks=marks)
        return self.transaction.put(changed)

    # What a client sends

    def save(self, thing: Any) -> Ref:
        """Save an object and all that is loaded below it.

        Raises:
            omero.ValidationException: something required is missing, or a referred row does not exist.
            omero.SecurityViolation: the caller may not do this.
        """
        if id(thing) in self._seen:
            return self._seen[id(thing)]
        kind = kind_of(class_name(thing))
        row_id = object_id(thing)
        if row_id is None:
            return self._enumeration(thing, kind) if kind.name in ENUMERATIONS else self._create(thing, kind)
        row = self._existing(kind, row_id)
        self._seen[id(thing)] = row.ref
        if thing._loaded:  # noqa: SLF001
            self._update(thing, kind, row)
        return row.ref

    def _enumeration(self, thing: Any, kind: Kind) -> Ref:
        """Clients may send an enumeration by its value alone."""
        value = from_value(thing._value)  # noqa: SLF001
        for row in self.transaction.database.table(kind.table):
            if row.get("value") == value:
                return row.ref
        raise refusal(omero.ApiUsageException, f"An enum could not be found for {kind.java_name}: {value}")

    def _existing(self, kind: Kind, row_id: int) -> Row:
        row = self.transaction.get(Ref(kind.table, row_id))
        if row is None or row.kind != kind.name:
            message = f"No row with the given identifier exists: [{kind.java_name}#{row_id}]"
            raise refusal(omero.ValidationException, message)
        if not self.access.readable(row):
            raise refusal(omero.SecurityViolation, f"Cannot read {kind.java_name}:Id_{row_id}")
        return row

    def _create(self, thing: Any, kind: Kind) -> Ref:
        if not thing._loaded:  # noqa: SLF001
            raise refusal(omero.ValidationException, f"Unloaded {kind.name} without an id.")
        ref = self._seen[id(thing)] = self.transaction.new_ref(kind.table)
        self._refuse_what_is_not_modelled(thing, kind)
        references = self._references(thing, kind)
        group = self._group_for(thing, references)
        self.access.check_creation(kind, group)
        self._check_owner(thing, kind)
        for target in references.values():
            linked = self.transaction.get(target) if target else None
            if linked:
                self.access.check_link(kind, group, linked)
        self._put_new(kind, ref, {**self._plain_values(thing, kind), **references}, group)
        self._save_collections(thing, kind)
        return ref

    def _put_new(
        self, kind: Kind, ref: Ref, values: Mapping[str, Value], group: int, marks: Mapping[str, Value] | None = None
    ) -> Row:
        for name, required in kind.scalars.items():
            if required and values.get(name) is None:
                message = f"not-null property references a null or transient value: {kind.java_name}.{name}"
                raise refusal(omero.ValidationException, message)
        event = None if kind.name == "Event" else self._event_id()
        caller = self.access.caller
        owner, group_id = (None, None) if kind.is_system else (caller.user_id, group)
        return self.transaction.put(Row(kind.name, ref, dict(values), owner, group_id, event, event, marks or {}))

    def _update(self, thing: Any, kind: Kind, row: Row) -> None:
        self._refuse_what_is_not_modelled(thing, kind)
        version = getattr(thing, "_version", None)
        if version is not None and version.val != row.marks.get("version", 0):
            message = f"Row was updated or deleted by another transaction: {kind.java_name}#{row.id}"
            raise refusal(omero.OptimisticLockException, message)
        self._refuse_moving(thing, row)
        values = {**self._plain_values(thing, kind), **self._references(thing, kind)}
        changed = {name: value for name, value in values.items() if value != row.get(name)}
        if changed:
            if not self.access.allows(row, Right.WRITE):
                raise refusal(omero.SecurityViolation, f"Updating {kind.java_name}:Id_{row.id} not allowed.")
            for value in changed.values():
                linked = self.transaction.get(value) if isinstance(value, Ref) else None
                if linked and row.group is not None:
                    self.access.check_link(kind, row.group, linked)
            self.change(row, **changed)
        self._save_collections(thing, kind)

    @staticmethod
    def _refuse_moving(thing: Any, row: Row) -> None:
        details = thing._details  # noqa: SLF001
        for name, now in (("owner", row.owner), ("group", row.group)):
            asked = getattr(details, f"_{name}", None)
            if asked is not None and object_id(asked) != now:
                raise not_modelled(f"changing the {name} of an object")

    def _plain_values(self, thing: Any, kind: Kind) -> dict[str, Value]:
        return {name: from_value(getattr(thing, f"_{name}")) for name in (*kind.scalars, *kind.pairs, *kind.quantities)}

    def _references(self, thing: Any, kind: Kind) -> dict[str, Ref | None]:
        targets = {name: getattr(thing, f"_{name}") for name in kind.references}
        return {name: None if target is None else self.save(target) for name, target in targets.items()}

    def _save_collections(self, thing: Any, kind: Kind) -> None:
        for name in kind.collections:
            if getattr(thing, f"_{name}Loaded", False):
                for element in getattr(thing, f"_{name}Seq") or ():
                    if element is not None:
                        self.save(element)

    def _refuse_what_is_not_modelled(self, thing: Any, kind: Kind) -> None:
        filled = [name for name in kind.empty_references if getattr(thing, f"_{name}", None) is not None]
        filled += [name for name in kind.empty_collections if getattr(thing, f"_{name}Seq", None)]
        if filled:
            raise not_modelled(f"{kind.name}.{filled[0]}")

    def _group_for(self, thing: Any, references: Mapping[str, Ref | None]) -> int:
        caller = self.access.caller
        details = thing._details  # noqa: SLF001
        asked = details._group if details is not None else None  # noqa: SLF001
        if asked is not None and object_id(asked) not in (None, caller.group_id):
            group = object_id(asked)
            if caller.group_id == ALL_GROUPS and (group in caller.member_of or "WriteOwned" in caller.privileges):
                return int(str(group))
            message = f"You are not authorized to set the ExperimenterGroup for {class_name(thing)} to {group}"
            raise refusal(omero.SecurityViolation, message)
        if caller.group_id != ALL_GROUPS:
            return caller.group_id
        linked = [self.transaction.get(ref) for ref in references.values() if ref]
        groups = [row.group for row in linked if row and row.group is not None]
        if not groups:
            raise refusal(omero.SecurityViolation, f"You are not authorized to create {class_name(thing)}: no group")
        return groups[0]

    def _check_owner(self, thing: Any, kind: Kind) -> None:
        details = thing._details  # noqa: SLF001
        owner = details._owner if details is not None else None  # noqa: SLF001
        if owner is None or object_id(owner) in (None, self.access.caller.user_id):
            return
        if "WriteOwned" in self.access.caller.privileges:
            raise not_modelled("creating objects for another owner")
        message = f"You are not authorized to set the Experimenter for {kind.java_name} to {object_id(owner)}"
        raise refusal(omero.SecurityViolation, message)

    def _event_id(self) -> int:
        if self._event is None:
            caller = self.access.caller
            ref = self.transaction.new_ref("Event")
            self._event = ref.id
            values: dict[str, Value] = {
                "time": milliseconds(),
                "experimenter": Ref("Experimenter", caller.user_id),
                "experimenterGroup": Ref("ExperimenterGroup", caller.event_group),
                "session": Ref("Session", caller.session_id),
            }
            self.transaction.put(Row("Event", ref, values))
        return self._event
