"""IContainer and ITypes: the few operations that clients still use."""

from typing import Any

from deployments.sandbox.understudy.convert import Fetch
from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.refusals import not_modelled
from deployments.sandbox.understudy.rows import Ref
from deployments.sandbox.understudy.schema import ENUMERATIONS, kind_of, table_of

WITH_PIXELS: Fetch = {"format": {}, "pixels": {"pixelsType": {}, "dimensionOrder": {}, "channels": {}}}


class Container(SessionService):
    """Counts what is in containers."""

    def getCollectionCount(self, kind: str, collection: str, ids: Any, _options: Any, current: Any) -> Any:  # noqa: N802
        """How many elements a collection of each object has, for instance `imageLinks` of datasets."""
        name, field = kind.rpartition(".")[2], collection.rpartition("_")[2]
        if field not in kind_of(name).collections:
            raise not_modelled(f"IContainer.getCollectionCount of {kind} {collection}")
        table, back = kind_of(name).collections[field]
        call = self.call(current)
        return {
            row_id: sum(
                map(call.access.readable, self.house.database.pointing_at(Ref(table_of(name), row_id), table, back))
            )
            for row_id in ids
        }

    def getImages(self, kind: str, ids: Any, _options: Any, current: Any) -> Any:  # noqa: N802
        """Images by id, or those of datasets, with their pixels (PojosGetImagesQueryDefinition)."""
        name, call = kind.rpartition(".")[2], self.call(current)
        if name not in ("Image", "Dataset"):
            raise not_modelled(f"IContainer.getImages of {kind}")
        refs = [Ref("Image", row_id) for row_id in ids] if name == "Image" else self._images_of(ids)
        rows = [row for ref in refs if (row := self.house.database.get(ref)) and call.access.readable(row)]
        return [call.reader.load(row, WITH_PIXELS) for row in rows]

    def _images_of(self, datasets: Any) -> list[Ref]:
        pointing_at = self.house.database.pointing_at
        links = [
            link for row_id in datasets for link in pointing_at(Ref("Dataset", row_id), "DatasetImageLink", "parent")
        ]
        return [child for link in links if isinstance(child := link.get("child"), Ref)]


class Types(SessionService):
    """Enumerations."""

    def allEnumerations(self, kind: str, current: Any) -> Any:  # noqa: N802
        """All values of an enumeration."""
        name = kind.rpartition(".")[2]
        if name not in ENUMERATIONS:
            raise not_modelled(f"the enumeration {name}")
        reader = self.call(current).reader
        return [reader.load(row) for row in self.house.database.table(name)]

    def getEnumeration(self, kind: str, value: str, current: Any) -> Any:  # noqa: N802
        """One value of an enumeration."""
        found = [thing for thing in self.allEnumerations(kind, current) if thing.value.val == value]
        if not found:
            raise not_modelled(f"the value {value} of {kind}")
        return found[0]
