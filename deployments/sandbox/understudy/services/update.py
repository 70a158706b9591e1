"""IUpdate: saving what clients send, a transaction for each call."""

from typing import Any

import omero

from deployments.sandbox.understudy.access import Access, Right
from deployments.sandbox.understudy.convert import Fetch, Reader, object_id
from deployments.sandbox.understudy.database import Transaction
from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.refusals import not_modelled, refusal
from deployments.sandbox.understudy.rows import Ref
from deployments.sandbox.understudy.saving import Saver, class_name
from deployments.sandbox.understudy.schema import kind_of


class Update(SessionService):
    """Saves graphs of objects."""

    def saveObject(self, thing: Any, current: Any) -> None:  # noqa: N802
        """Save."""
        self._save([thing], current)

    def saveCollection(self, things: Any, current: Any) -> None:  # noqa: N802
        """Save."""
        self._save(things, current)

    def saveArray(self, things: Any, current: Any) -> None:  # noqa: N802
        """Save."""
        self._save(things, current)

    def saveAndReturnObject(self, thing: Any, current: Any) -> Any:  # noqa: N802
        """Save; what was loaded comes back loaded."""
        return self.saveAndReturnArray([thing], current)[0]

    def saveAndReturnArray(self, things: Any, current: Any) -> Any:  # noqa: N802
        """Save; what was loaded comes back loaded."""
        refs = self._save(things, current)
        reader = self.call(current).reader
        return [self._give_back(reader, ref, thing) for ref, thing in zip(refs, things, strict=True)]

    def saveAndReturnIds(self, things: Any, current: Any) -> Any:  # noqa: N802
        """Save; ids only."""
        return [ref.id for ref in self._save(things, current)]

    def deleteObject(self, thing: Any, current: Any) -> None:  # noqa: N802
        """Delete one row that nothing points at."""
        call, kind = self.call(current), kind_of(class_name(thing))
        row_id = object_id(thing)
        row = self.house.database.get(Ref(kind.table, row_id)) if row_id is not None else None
        if row is None:
            raise refusal(omero.ApiUsageException, f"No such {kind.name}: {row_id}")
        if not call.access.allows(row, Right.WRITE, delete=True):
            raise refusal(omero.SecurityViolation, f"Deleting {kind.java_name}:Id_{row.id} not allowed.")
        if not kind.name.endswith("Link"):
            raise not_modelled(f"IUpdate.deleteObject of a {kind.name}; use Delete2")
        with self.house.database.transaction() as transaction:
            transaction.delete([row.ref])

    def _save(self, things: Any, current: Any) -> list[Ref]:
        call = self.call(current)
        with self.house.database.transaction() as transaction:
            return save_all(transaction, call.access, things)

    @staticmethod
    def _give_back(reader: Reader, ref: Ref, thing: Any) -> Any:
        row = reader.find(ref)
        if row is None or not thing._loaded:  # noqa: SLF001
            return reader.proxy(ref)
        return reader.load(row, shape_of(thing))


def save_all(transaction: Transaction, access: Access, things: Any) -> list[Ref]:
    """Save several objects in one transaction, under one event."""
    saver = Saver(transaction, access)
    return [saver.save(thing) for thing in things]


def shape_of(thing: Any, seen: tuple[int, ...] = ()) -> Fetch:
    """Which references and collections of an object are loaded."""
    kind, shape = kind_of(class_name(thing)), {}
    for name in kind.references:
        target = getattr(thing, f"_{name}")
        if target is not None and target._loaded and id(target) not in seen:  # noqa: SLF001
            shape[name] = shape_of(target, (*seen, id(thing)))
    for name in (*kind.collections, *kind.empty_collections):
        if getattr(thing, f"_{name}Loaded", False):
            elements = [element for element in getattr(thing, f"_{name}Seq") or () if element is not None]
            loaded = [shape_of(element, (*seen, id(thing))) for element in elements if id(element) not in seen]
            shape[name] = {key: value for part in loaded for key, value in part.items()}
    return shape
