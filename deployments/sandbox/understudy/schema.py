"""Which classes of OMERO's model are modelled, and how they hang together.

Names of properties come from omero-py's own classes; the tables below say what they point at. A property that is
not in them is always empty, and saving something into it is refused as not modelled.
"""

import functools
from dataclasses import dataclass

import omero
import omero.all
import omero.model

from deployments.sandbox.understudy.refusals import not_modelled

ANNOTATIONS = ("CommentAnnotation", "FileAnnotation", "MapAnnotation", "TagAnnotation")
JOBS = ("UploadJob", "MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob", "IndexingJob")
ANNOTATED = (
    "Project", "Dataset", "Screen", "Plate", "PlateAcquisition", "Well", "Image", "Channel", "Fileset", "OriginalFile",
)  # fmt: skip
ENUMERATIONS = (
    "AdminPrivilege", "ChecksumAlgorithm", "DimensionOrder", "EventType", "Format", "JobStatus", "PixelsType",
)  # fmt: skip
SYSTEM = (*ENUMERATIONS, "Event", "Experimenter", "ExperimenterGroup", "GroupExperimenterMap", "Session")
"""OMERO's system types: everybody reads them, administrators make them (omero-server: SystemTypes)."""

_LINKS = {
    "ProjectDatasetLink": ("Project", "Dataset"),
    "DatasetImageLink": ("Dataset", "Image"),
    "ScreenPlateLink": ("Screen", "Plate"),
    "FilesetJobLink": ("Fileset", "Job"),
    "JobOriginalFileLink": ("Job", "OriginalFile"),
    "GroupExperimenterMap": ("ExperimenterGroup", "Experimenter"),
    "PixelsOriginalFileMap": ("OriginalFile", "Pixels"),
} | {f"{kind}AnnotationLink": (kind, "Annotation") for kind in ANNOTATED}

_REFERENCES: dict[str, dict[str, str]] = {
    "Event": {
        "experimenter": "Experimenter",
        "experimenterGroup": "ExperimenterGroup",
        "type": "EventType",
        "session": "Session",
    },
    "Image": {"format": "Format", "fileset": "Fileset"},
    "Pixels": {"image": "Image", "pixelsType": "PixelsType", "dimensionOrder": "DimensionOrder"},
    "Channel": {"statsInfo": "StatsInfo", "logicalChannel": "LogicalChannel", "pixels": "Pixels"},
    "FilesetEntry": {"fileset": "Fileset", "originalFile": "OriginalFile"},
    "OriginalFile": {"hasher": "ChecksumAlgorithm"},
    "FileAnnotation": {"file": "OriginalFile"},
    "PlateAcquisition": {"plate": "Plate"},
    "Well": {"plate": "Plate"},
    "WellSample": {"well": "Well", "image": "Image", "plateAcquisition": "PlateAcquisition"},
    **{job: {"status": "JobStatus"} for job in JOBS},
    **{link: {"parent": parent, "child": child} for link, (parent, child) in _LINKS.items()},
}

_QUANTITIES: dict[str, dict[str, str]] = {
    "Pixels": dict.fromkeys(("physicalSizeX", "physicalSizeY", "physicalSizeZ"), "Length") | {"timeIncrement": "Time"},
    "WellSample": dict.fromkeys(("posX", "posY"), "Length"),
    "Plate": dict.fromkeys(("wellOriginX", "wellOriginY"), "Length"),
    "LogicalChannel": dict.fromkeys(("pinHoleSize", "excitationWave", "emissionWave"), "Length"),
}

_COLLECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Experimenter": {"groupExperimenterMap": ("GroupExperimenterMap", "child")},
    "ExperimenterGroup": {"groupExperimenterMap": ("GroupExperimenterMap", "parent")},
    "Project": {"datasetLinks": ("ProjectDatasetLink", "parent")},
    "Dataset": {"projectLinks": ("ProjectDatasetLink", "child"), "imageLinks": ("DatasetImageLink", "parent")},
    "Screen": {"plateLinks": ("ScreenPlateLink", "parent")},
    "Plate": {
        "screenLinks": ("ScreenPlateLink", "child"),
        "wells": ("Well", "plate"),
        "plateAcquisitions": ("PlateAcquisition", "plate"),
    },
    "PlateAcquisition": {"wellSample": ("WellSample", "plateAcquisition")},
    "Well": {"wellSamples": ("WellSample", "well")},
    "Image": {
        "pixels": ("Pixels", "image"),
        "datasetLinks": ("DatasetImageLink", "child"),
        "wellSamples": ("WellSample", "image"),
    },
    "Pixels": {"channels": ("Channel", "pixels"), "pixelsFileMaps": ("PixelsOriginalFileMap", "child")},
    "LogicalChannel": {"channels": ("Channel", "logicalChannel")},
    "StatsInfo": {},
    "Fileset": {
        "usedFiles": ("FilesetEntry", "fileset"),
        "images": ("Image", "fileset"),
        "jobLinks": ("FilesetJobLink", "parent"),
    },
    "OriginalFile": {
        "filesetEntries": ("FilesetEntry", "originalFile"),
        "pixelsFileMaps": ("PixelsOriginalFileMap", "parent"),
    },
    **{job: {"originalFileLinks": ("JobOriginalFileLink", "parent")} for job in JOBS},
}

_PAIRS = {"mapValue", "versionInfo", "config"}
_ABSTRACT = {"Annotation": ANNOTATIONS, "Job": JOBS}
KINDS = {*SYSTEM, *ANNOTATIONS, *JOBS, *_LINKS, *_REFERENCES, *_COLLECTIONS, *ANNOTATED}


@dataclass(frozen=True)
class Kind:
    """What is known of one class."""

    name: str
    table: str
    java_name: str
    scalars: dict[str, bool]
    """Plain properties: is a value required?"""
    pairs: frozenset[str]
    quantities: dict[str, str]
    references: dict[str, str]
    """Property: table."""
    collections: dict[str, tuple[str, str]]
    """Property: table, and the property of its rows that points back here."""
    empty_references: frozenset[str]
    empty_collections: frozenset[str]

    def has(self, name: str) -> bool:
        """Does OMERO's class have this property?"""
        return name == "id" or any(
            name in names
            for names in (
                self.scalars,
                self.pairs,
                self.quantities,
                self.references,
                self.collections,
                self.empty_references,
                self.empty_collections,
            )
        )

    @property
    def is_system(self) -> bool:
        """Belongs to nobody, read by everybody."""
        return self.name in SYSTEM

    @property
    def is_annotation_link(self) -> bool:
        """Ties an annotation to something: needs less than writing."""
        return self.name.endswith("AnnotationLink")


def table_of(kind: str) -> str:
    """The table of a class; abstract classes share one."""
    return next((table for table, kinds in _ABSTRACT.items() if kind in kinds), kind)


def concrete(name: str) -> tuple[str, ...]:
    """The classes whose objects a query for `name` finds."""
    return _ABSTRACT.get(name, (name,))


def is_known(name: str) -> bool:
    """Is this class, abstract or not, modelled?"""
    return name in KINDS or name in _ABSTRACT


def exists_in_omero(name: str) -> bool:
    """Does OMERO have such a class at all?"""
    return hasattr(omero.model, name + "I") or hasattr(omero.model, name)


@functools.cache
def kind_of(name: str) -> Kind:
    """What is known of a class.

    Raises:
        omero.InternalException: the class is not modelled.
    """
    if name not in KINDS:
        raise not_modelled(f"objects of class {name}")
    example = getattr(omero.model, name + "I")()
    fields = {field: data for field, data in example._field_info._asdict().items() if field != "details"}  # noqa: SLF001
    collections = dict(_COLLECTIONS.get(name, {}))
    if name in ANNOTATED:
        collections["annotationLinks"] = (f"{name}AnnotationLink", "parent")
    references, quantities = _REFERENCES.get(name, {}), _QUANTITIES.get(name, {})
    sequences = {field for field in fields if hasattr(example, f"_{field}Seq")}
    objects = {field for field, data in fields.items() if data.wrapper is omero.proxy_to_instance}
    plain = fields.keys() - objects - _PAIRS
    return Kind(
        name=name,
        table=table_of(name),
        java_name=example.DETAILS.removesuffix("_details"),
        scalars={field: not fields[field].nullable for field in fields if field in plain},
        pairs=frozenset(fields.keys() & _PAIRS),
        quantities=quantities,
        references=references,
        collections=collections,
        empty_references=frozenset(objects - sequences - references.keys() - quantities.keys()),
        empty_collections=frozenset(sequences - collections.keys()),
    )


def java_name(name: str) -> str:
    """`ome.model.containers.Dataset` for `Dataset`."""
    return kind_of(concrete(name)[0]).java_name.rpartition(".")[0] + "." + name
