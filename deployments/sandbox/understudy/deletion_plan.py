"""Which rows go when some are deleted: children that nobody else holds, links, files, jobs.

Source: omero-blitz graph-rules/blitz-delete-rules.xml and GraphTraversal, as far as the classes here go.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from deployments.sandbox.understudy.access import Access, Right
from deployments.sandbox.understudy.database import Transaction
from deployments.sandbox.understudy.refusals import NOT_MODELLED
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.schema import ANNOTATED, is_known, java_name, kind_of, table_of

HELD_BY_CONTAINERS = {
    "Project": ("ProjectDatasetLink", "Dataset"),
    "Dataset": ("DatasetImageLink", "Image"),
    "Screen": ("ScreenPlateLink", "Plate"),
}
TARGETS = (*HELD_BY_CONTAINERS, "Plate", "Image", "Fileset", "Annotation", "OriginalFile")
OWNER_SPECIFIC = ("FileAnnotation", "TagAnnotation")
"""Deleted with what they annotate only when one user owns both."""


class GraphRefused(Exception):
    """OMERO's GraphException: the delete as a whole does not happen."""


class ChildOptions:
    """What the client said about children: the first option that fits decides."""

    def __init__(self, options: Sequence[Any]) -> None:
        self._options = options

    def decide(self, row: Row) -> bool | None:
        """True: delete even when held elsewhere; False: keep; None: OMERO's default."""
        for option in self._options:
            if not self._fits(option, row):
                continue
            for names, verdict in ((option.includeType, True), (option.excludeType, False)):
                if any(_is_a(row, name) for name in names or ()):
                    return verdict
        return None

    @staticmethod
    def _fits(option: Any, row: Row) -> bool:
        if option.includeNs:
            return row.get("ns") in option.includeNs
        return not (option.excludeNs and row.get("ns") in option.excludeNs)


def _is_a(row: Row, name: str) -> bool:
    return name.rpartition(".")[2] in (row.kind, row.ref.table)


def described(row: Row) -> str:
    """`ome.model.core.Image[5]`."""
    return f"{kind_of(row.kind).java_name}[{row.id}]"


class DeletionPlan:
    """Grows from the targets to everything that goes with them."""

    def __init__(self, transaction: Transaction, access: Access, options: ChildOptions) -> None:
        self._transaction, self._access, self._options = transaction, access, options
        self.rows: dict[Ref, Row] = {}
        """All that will be deleted."""

    def delete(self, targets: dict[str, Sequence[int]]) -> None:
        """Plan for these classes and ids.

        Raises:
            GraphRefused: something cannot be read, may not be deleted, or would leave a fileset in pieces.
        """
        for name, ids in targets.items():
            for row in self._find(name.rpartition(".")[2], ids):
                self._take(row)
        self._take_orphaned_children()
        self._take_filesets()
        self._take_annotations()
        self._take_links()

    def _find(self, name: str, ids: Sequence[int]) -> list[Row]:
        if not is_known(name) or not (table_of(name) in TARGETS or name.endswith("Link")):
            raise GraphRefused(f"{NOT_MODELLED}: deleting {name}")
        rows = [self._transaction.get(Ref(table_of(name), row_id)) for row_id in dict.fromkeys(ids)]
        found = [row for row in rows if row and _is_a(row, name) and self._access.readable(row)]
        if len(found) != len(rows):
            raise GraphRefused(f"cannot read all the specified objects of class {java_name(name)}")
        return found

    def _may_delete(self, row: Row) -> bool:
        return self._access.allows(row, Right.WRITE, delete=True)

    def _take(self, row: Row, *, checked: bool = True) -> None:
        if row.ref in self.rows:
            return
        if checked and not self._may_delete(row):
            raise GraphRefused(f"not permitted to delete {described(row)}")
        self.rows[row.ref] = row
        self._take_parts(row)

    def _take_parts(self, row: Row) -> None:
        """What belongs to one object only."""
        pointing = self._transaction.pointing_at
        self._take_parts_of_plate(row)
        match row.kind:
            case "Image":
                self._take_all(pointing(row.ref, "Pixels", "image"))
            case "Pixels":
                for channel in pointing(row.ref, "Channel", "pixels"):
                    self._take(channel)
                    self._take_all(self._targets([channel], "logicalChannel"))
            case "Fileset":
                self._take_all(pointing(row.ref, "Image", "fileset"))
                entries = pointing(row.ref, "FilesetEntry", "fileset")
                links = pointing(row.ref, "FilesetJobLink", "parent")
                self._take_all([*entries, *links, *self._targets(links, "child")])
                self._take_all(self._targets(entries, "originalFile"), checked=False)
            case "FileAnnotation":
                self._take_all(self._targets([row], "file"), checked=False)
            case "OriginalFile":
                self._refuse_held_file(row)
        if row.ref.table == "Job":
            links = pointing(row.ref, "JobOriginalFileLink", "parent")
            self._take_all([*links, *self._targets(links, "child")], checked=False)

    def _take_parts_of_plate(self, row: Row) -> None:
        pointing = self._transaction.pointing_at
        match row.kind:
            case "Plate":
                self._take_all(pointing(row.ref, "PlateAcquisition", "plate"))
                self._take_all(pointing(row.ref, "Well", "plate"))
            case "Well":
                samples = pointing(row.ref, "WellSample", "well")
                self._take_all([*samples, *self._targets(samples, "image")])
                self._take_emptied(row, "plate")
            case "Image":
                for sample in pointing(row.ref, "WellSample", "image"):
                    self._take(sample)
                    self._take_emptied(sample, "well")

    def _take_emptied(self, part: Row, holder: str) -> None:
        """A well goes with its last field, a plate with its last well."""
        for held in self._targets([part], holder):
            if all(each.ref in self.rows for each in self._transaction.pointing_at(held.ref, part.kind, holder)):
                self._take(held)

    def _take_all(self, rows: Iterable[Row], *, checked: bool = True) -> None:
        for row in rows:
            self._take(row, checked=checked)

    def _targets(self, rows: Iterable[Row], name: str) -> list[Row]:
        refs = [row.get(name) for row in rows]
        return [row for ref in refs if isinstance(ref, Ref) and (row := self._transaction.get(ref))]

    def _refuse_held_file(self, row: Row) -> None:
        for entry in self._transaction.pointing_at(row.ref, "FilesetEntry", "originalFile"):
            if entry.ref not in self.rows:
                raise GraphRefused(f"may not delete {described(row)} while {described(entry)} remains")

    # Children

    def _take_orphaned_children(self) -> None:
        """Datasets of projects, then images of datasets, unless something that stays holds them too."""
        for container, (link_kind, child_kind) in HELD_BY_CONTAINERS.items():
            containers = [row for row in self.rows.values() if row.kind == container]
            links = [link for row in containers for link in self._transaction.pointing_at(row.ref, link_kind, "parent")]
            children = {row.ref: row for row in self._targets(links, "child")}
            orphans = [row for row in children.values() if self._goes_too(row, link_kind)]
            if child_kind == "Image":
                orphans = self._whole_filesets_only(orphans)
            self._take_all(orphans)

    def _goes_too(self, child: Row, link_kind: str) -> bool:
        decision = self._options.decide(child)
        if decision is not None:
            return decision
        links = self._transaction.pointing_at(child.ref, link_kind, "child")
        return self._may_delete(child) and all(link.get("parent") in self.rows for link in links)

    def _whole_filesets_only(self, images: list[Row]) -> list[Row]:
        """Images of one fileset go together, or none of them does."""
        going = {image.ref for image in images} | self.rows.keys()
        return [image for image in images if all(other.ref in going for other in self._siblings(image))]

    def _siblings(self, image: Row) -> list[Row]:
        fileset = image.get("fileset")
        return self._transaction.pointing_at(fileset, "Image", "fileset") if isinstance(fileset, Ref) else []

    def _take_filesets(self) -> None:
        """A fileset goes with its last image; some of its images alone cannot go."""
        for image in [row for row in self.rows.values() if row.kind == "Image"]:
            for other in self._siblings(image):
                if other.ref not in self.rows:
                    message = f"may not delete {described(image)} while {described(other)} remains"
                    raise GraphRefused(f"within {described(self._targets([image], 'fileset')[0])} {message}")
            self._take_all(self._targets([image], "fileset"))

    # Annotations and links

    def _take_annotations(self) -> None:
        """Annotations of what goes, unless something that stays has them too."""
        for row in [row for row in self.rows.values() if row.kind in ANNOTATED]:
            links = self._transaction.pointing_at(row.ref, f"{row.kind}AnnotationLink", "parent")
            for annotation in self._targets(links, "child"):
                if self._annotation_goes_with(annotation, row):
                    self._take(annotation, checked=False)

    def _annotation_goes_with(self, annotation: Row, annotated: Row) -> bool:
        decision = self._options.decide(annotation)
        if decision is not None:
            return decision
        if annotation.kind != "CommentAnnotation" and not self._may_delete(annotation):
            return False
        if annotation.kind in OWNER_SPECIFIC and annotation.owner != annotated.owner:
            return False
        return all(link.get("parent") in self.rows for link in self._annotation_links(annotation))

    def _annotation_links(self, annotation: Row) -> list[Row]:
        pointing = self._transaction.pointing_at
        return [link for kind in ANNOTATED for link in pointing(annotation.ref, f"{kind}AnnotationLink", "child")]

    def _take_links(self) -> None:
        """Links go with either end, whoever made them."""
        for row in list(self.rows.values()):
            if row.ref.table == "Annotation":
                self._take_all(self._annotation_links(row), checked=False)
            if row.kind in ANNOTATED:
                links = self._transaction.pointing_at(row.ref, f"{row.kind}AnnotationLink", "parent")
                self._take_all(links, checked=False)
            for container, (link_kind, child_kind) in HELD_BY_CONTAINERS.items():
                side = {container: "parent", child_kind: "child"}.get(row.kind)
                if side:
                    self._take_all(self._transaction.pointing_at(row.ref, link_kind, side), checked=False)
