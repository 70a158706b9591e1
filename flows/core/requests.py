"""What is asked, and what each stage of an import adds to it: frozen types, nothing else.

    ImportRequest -> Fileset -> VerifiedFileset -> StagedFileset -> ImportedFileset

The order is in the types: `transfer` takes a `VerifiedFileset`, so nobody can skip verification.
"""

import hashlib
import posixpath
import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from flows.core.errors import CourierError, TargetSyntax
from flows.core.setting_types import Label
from flows.core.sources import Source, checked
from flows.core.target_syntax import ProjectPrefix as ProjectPrefix
from flows.core.target_syntax import Target as Target
from flows.core.target_syntax import TargetRule as TargetRule
from flows.core.target_syntax import parse_target as parse_target
from flows.core.values import Frozen as Frozen

MAX_REQUEST_BYTES = 256 * 1024
"""The largest request, as JSON; more sources are given as folders."""


OUR_NAMESPACES = "omero-courier/"
"""What the namespaces of the annotations begin with that the courier makes for itself."""


class Staging(StrEnum):
    """Whether files are copied to the staging area before they are imported."""

    AUTO = "auto"
    DIRECT = "direct"
    STAGE = "stage"


class Duplicates(StrEnum):
    """What is done with files that the user has in OMERO already."""

    SKIP = "skip"
    IMPORT = "import"


class AttachTo(StrEnum):
    """What attachments are put on."""

    IMAGES = "images"
    TARGET = "target"


class UnmatchedRows(StrEnum):
    """What rows of a table mean that speak of no file."""

    REFUSE = "refuse"
    TELL = "tell"


class Importer(StrEnum):
    """Which program imports."""

    AUTO = "auto"
    NATIVE = "native"
    JAVA = "java"


class Placement(StrEnum):
    """How files get into OMERO's repository; the values are those of OMERO's own `--transfer`."""

    UPLOAD = "upload"
    LN_S = "ln_s"
    LN = "ln"
    CP = "cp"

    @property
    def is_link(self) -> bool:
        """Whether OMERO reads the very file that was imported from then on."""
        return self in {Placement.LN_S, Placement.LN}


class AfterImport(StrEnum):
    """What is done with the files once OMERO was seen to hold their bytes."""

    KEEP = "keep"
    MOVE = "move"
    DELETE = "delete"


def _no_url(receiver: str) -> str:
    if "://" in receiver or ":" in receiver or "/" in receiver:
        raise ValueError(
            "give an e-mail address, or the name of a channel that the administrator configured; never a URL"
        )
    if "@" in receiver and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", receiver):
        raise ValueError(f"{receiver!r} is no e-mail address")
    return receiver


def _namespace(text: str) -> str:
    if text.startswith(_NOT_THEIRS):
        raise ValueError(f"{text} is a namespace that programs use for themselves; take one of your own")
    return text


_NOT_THEIRS = (OUR_NAMESPACES, "openmicroscopy.org/omero/import/")


def _target(text: str) -> str:
    try:
        parse_target(text)
    except TargetSyntax as refused:
        raise ValueError(str(refused)) from refused
    return text


SourcePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    AfterValidator(checked),
    # So that Prefect, which checks parameters before it keeps them, keeps no password either.
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": 4096, "not": {"pattern": "^[A-Za-z][A-Za-z0-9+.-]*:/+[^/]*@"}}
    ),
]
Receiver = Annotated[str, StringConstraints(min_length=1, max_length=254), AfterValidator(_no_url)]
TargetText = Annotated[
    str, StringConstraints(min_length=1, max_length=1024, strip_whitespace=True), AfterValidator(_target)
]
LeftOut = BeforeValidator(lambda text: None if text == "" else text), WithJsonSchema({"type": "string"})
"""An optional text that a form may also leave empty."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]


def _as_a_form(schema: dict[str, Any]) -> None:
    """Number the properties, what is required first, and leave out defaults of null: for the form of the Prefect UI.

    It sorts by `position`, since PostgreSQL forgets the order; and a default of null, which it would fill in, is no
    text to its own check.
    """
    properties = schema["properties"]
    for position, name in enumerate(sorted(properties, key=lambda name: name not in schema.get("required", ()))):
        properties[name]["position"] = position
        if properties[name].get("default", "") is None:
            del properties[name]["default"]


class TextAnnotation(Frozen):
    """A text that is linked to each image, under a namespace."""

    namespace: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    text: Annotated[str, StringConstraints(min_length=1)]

    @field_validator("namespace")
    @classmethod
    def _is_not_ours(cls, namespace: str) -> str:
        if namespace.startswith(OUR_NAMESPACES):
            raise ValueError(f"namespaces that begin with {OUR_NAMESPACES} are the courier's own")
        return namespace


class ImportOptions(Frozen):
    """What can be asked of an import, whoever asks."""

    model_config = ConfigDict(json_schema_extra=_as_a_form, hide_input_in_errors=True)

    sources: list[SourcePath] = Field(
        min_length=1,
        max_length=5000,
        title="Files or folders",
        description=(
            r"Absolute paths as your machine names them, for example /data/alice/2026-11-23 or C:\Data\alice, or URIs. "
            "A folder stands for all images below it."
        ),
        examples=[["/data/alice/2026-11-23"]],
    )
    target: Annotated[TargetText | None, *LeftOut] = Field(
        default=None,
        title="Where in OMERO",
        description=(
            "A dataset or a screen, by name or id: Dataset:name:Cells, Project:name:Mitosis/Dataset:name:Cells, "
            "Dataset:id:5, Screen:id:7; or by the folder of each file: `regex:^.*/images/(?<Container1>[^/]+)`. "
            "What is named and not there is made. "
            "Left out: a dataset named after the folder of the first file; for plates a screen."
        ),
        examples=["Project:name:Mitosis/Dataset:name:Cells"],
    )
    group: Annotated[Name | None, *LeftOut] = Field(
        default=None,
        title="OMERO group",
        description="Left out: the user's default group.",
        examples=["lab"],
    )
    name: Annotated[Name | None, *LeftOut] = Field(
        default=None, title="Name of the image", description="Left out: the file's own name.", examples=["Control 1"]
    )
    description: Annotated[Annotated[str, StringConstraints(max_length=10_000)] | None, *LeftOut] = Field(
        default=None, title="Description", description="Set on each imported image."
    )
    key_values: dict[str, str] = Field(
        default_factory=dict,
        title="Key-value pairs",
        description=(
            'Added to each image, where they can be edited. Written as JSON: `{"Cell line": "HeLa", "Stain": "DAPI"}`'
        ),
        examples=[{"Cell line": "HeLa"}],
    )
    key_values_namespace: Annotated[Annotated[Name, AfterValidator(_namespace)] | None, *LeftOut] = Field(
        default=None,
        title="Namespace of the key-value pairs",
        description="Left out: the one in which people can edit them in OMERO's clients.",
        examples=["example.org/experiment"],
    )
    tags: list[Name] = Field(
        default_factory=list,
        title="Tags",
        description="Put on each image. Existing tags that the user may use are used, missing ones made.",
    )
    comments: list[str] = Field(default_factory=list, title="Comments", description="Added to each image.")
    text_annotations: list[TextAnnotation] = Field(
        default_factory=list,
        title="Comments under a namespace",
        description="Added to each image, for programs that look for their own.",
        examples=[[{"namespace": "example.org/protocol", "text": "Fixed in PFA"}]],
    )
    annotation_ids: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list,
        title="Existing annotations",
        description="Ids, in OMERO, of annotations to link to each image.",
    )
    attachments: list[SourcePath] = Field(
        default_factory=list,
        max_length=50,
        title="Attachments",
        description="Files that are attached in OMERO, for example a protocol; absolute paths, as above.",
        examples=[["/data/alice/protocol.pdf"]],
    )
    attach_to: AttachTo = Field(
        default=AttachTo.IMAGES,
        title="Attach them to",
        description="images: each image. target: the dataset or screen.",
    )
    table: Annotated[SourcePath | None, *LeftOut] = Field(
        default=None,
        title="Metadata table",
        description=(
            "A CSV, TSV or XLSX file with a row for each image file: a column `file`, and any of name, description, "
            "tags, comments, target; every other column becomes a key-value pair."
        ),
        examples=["/data/alice/2026-11-23/metadata.csv"],
    )
    table_text: Annotated[Annotated[str, StringConstraints(max_length=100_000)] | None, *LeftOut] = Field(
        default=None,
        title="Metadata table, written here",
        description="The same as text, instead of a file: the first line names the columns.",
        examples=["file,Cell line\ncells.tif,HeLa"],
    )
    unmatched_rows: UnmatchedRows = Field(
        default=UnmatchedRows.REFUSE,
        title="Rows without a file",
        description="refuse: nothing is imported when a row speaks of no file. tell: the report names them.",
    )
    staging: Staging = Field(
        default=Staging.AUTO,
        title="Copy first",
        description=(
            "auto: as the administrator set it up. direct: read the files where they are. "
            "stage: copy them to the staging area first, so that the source is free early."
        ),
    )
    importer: Importer = Field(
        default=Importer.AUTO,
        title="Which importer",
        description=(
            "auto: the courier's own, but for formats that the administrator gave to the other. native: the courier's "
            "own. java: OMERO's own command-line importer, where it is installed."
        ),
    )
    placement: Placement = Field(
        default=Placement.UPLOAD,
        title="How it gets there",
        description=(
            "upload: the bytes are sent to OMERO. Where the administrator allows it, files are put into OMERO's "
            "repository in place: ln_s: OMERO reads them where they are. ln: as a hard link. cp: as a copy."
        ),
    )
    after_import: AfterImport = Field(
        default=AfterImport.KEEP,
        title="What happens to the files",
        description=(
            "keep: they stay where they are. Where the administrator allows it, and once OMERO was seen to hold the "
            "same bytes: move: they go to the folder `imported`. delete: they are deleted."
        ),
    )
    after_delay_hours: float = Field(
        default=0,
        ge=0,
        le=720,
        title="Hours until then",
        description="How long after the import the files are moved or deleted.",
    )
    duplicates: Duplicates = Field(
        default=Duplicates.SKIP,
        title="Already in OMERO",
        description=(
            "skip: what the user has in this group of OMERO already is put into the target, and not imported again. "
            "import: it is imported once more."
        ),
    )
    bulk: bool = Field(
        default=False,
        title="In no hurry",
        description=(
            "Lets others go first, also between files: for large amounts that nobody waits for. "
            "What is started in the Prefect UI stands among the imports of people all the same."
        ),
    )
    workstation: Annotated[Label | None, *LeftOut] = Field(
        default=None,
        title="Workstation",
        description=(
            "Short name of the machine that names the files so, where that makes a difference. "
            "Left out: that of your token or of your address, if it is one."
        ),
        examples=["microscope-3"],
    )
    notify: list[Receiver] = Field(
        default_factory=list,
        max_length=20,
        title="Who is told",
        description="E-mail addresses, or names of configured channels. Left out: the e-mail address in OMERO.",
        examples=[["alice@example.org"]],
    )

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: list[str]) -> list[str]:
        return list(dict.fromkeys(sources))

    @model_validator(mode="after")
    def _wishes_agree(self) -> Self:
        if self.table and self.table_text:
            raise ValueError("give either table or table_text")
        if self.placement.is_link and self.staging is Staging.STAGE:
            raise ValueError(f"placement {self.placement} links to the files where they are: leave out staging")
        if self.importer is Importer.JAVA and self.placement is not Placement.UPLOAD:
            raise ValueError(f"importer java uploads: leave out placement {self.placement}, or the importer")
        if self.placement.is_link and self.after_import is not AfterImport.KEEP:
            raise ValueError(
                f"after_import {self.after_import} would take away what OMERO reads: with placement {self.placement}"
                " the files are kept"
            )
        return self


class ImportRequest(ImportOptions):
    """An import for one OMERO user: say what, and whose it is; everything else may stay as it is."""

    on_behalf_of: Name = Field(
        title="OMERO user",
        description="The login name of the user whose images these are. They will own them.",
        examples=["alice"],
    )

    @property
    def title(self) -> str:
        """What the run is called: who, what, whereto."""
        return run_title(self.on_behalf_of, [Source.parse(each).name for each in self.sources], self.target)


def run_title(user: str, names: list[str], target: str | None) -> str:
    """Name a run after what it imports: `alice: 12 files into Dataset:name:Cells`."""
    what = names[0] if len(names) == 1 else f"{len(names)} files"
    whereto = str(target).rpartition("/")[2].replace(":name:", " ").replace(":id:", " ") if target else "OMERO"
    if target and target.startswith("regex:"):
        whereto = "datasets named by folders"
    return f"{user}: {what} into {whereto}"[:200]


class SourceFile(Frozen):
    """One file on disk, as it was when it was looked at."""

    path: str
    """Absolute, links resolved: what is opened."""
    client_path: str
    """As the user named it: what OMERO keeps as the entry's client path."""
    size: int
    """Bytes."""
    mtime_ns: int
    version: str = ""
    """What the server that holds it calls this state of it; empty for those of this machine."""


_NAMELESS = frozenset({".zattrs", ".zgroup", "zarr.json"})
"""Files that are called the same in every OME-Zarr."""


class Fileset(Frozen):
    """Files that OMERO imports together; the first is the one it opens."""

    files: tuple[SourceFile, ...] = Field(min_length=1)
    reader: str | None = None
    """Bio-Formats' reader class, which decides on the layout in the repository, for example
    `loci.formats.in.OperettaReader` (omero-blitz: ManagedRepositoryI.getReaderClass); that of a single file once it
    was looked into."""
    plate: bool | None = None
    """Whether OMERO makes a plate of it, as far as that is known before."""
    format: str | None = None
    """What people call sets that this reader reads, where it is known from how the files were put together."""

    @cached_property
    def key(self) -> str:
        """The stable name of this fileset: a hash over its client paths, in order, which no copy changes."""
        paths = "\0".join(file.client_path for file in self.files)
        return hashlib.sha256(paths.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @property
    def path(self) -> str:
        """What stands for it: the file that OMERO opens, or its folder where that is what people see as the image."""
        opened = self.files[0].client_path
        return posixpath.dirname(opened) if posixpath.basename(opened) in _NAMELESS else opened

    @property
    def name(self) -> str:
        """What people call it."""
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        """What people call the folder that it lies in."""
        return posixpath.basename(posixpath.dirname(self.path))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class VerifiedFileset(Frozen):
    """A fileset that is there, complete, settled, readable, allowed, and not visibly broken."""

    fileset: Fileset
    format: str
    """For people, for example `OME-TIFF`."""


class StagedFile(Frozen):
    """A file where the import reads it."""

    path: str
    client_path: str
    size: int
    sha1: str | None = None
    """Hex, when it was read on the way."""


class StagedFileset(Frozen):
    """A verified fileset whose bytes are where the import reads them."""

    fileset: Fileset
    files: tuple[StagedFile, ...] = Field(min_length=1)
    staged: bool
    """Whether these are copies, to be removed after the import."""


class ImportedImage(Frozen):
    """An image that OMERO holds."""

    id: int
    name: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int


class ImportedFileset(Frozen):
    """A fileset that OMERO holds, with images that were read back."""

    key: str
    name: str
    fileset_id: int
    images: tuple[ImportedImage, ...] = Field(min_length=1)
    plates: tuple[int, ...] = ()
    """Ids of the plates that OMERO made of it."""
    target_kind: Literal["Dataset", "Screen"] | None = None
    target_id: int | None = None
    duplicate: bool = False
    """It was there already, of the same user and with the same content: nothing was imported."""


class Failure(Frozen):
    """A failure as a value: kept in statuses, shown in answers, mails and pages."""

    code: str
    what: str
    which: str = ""
    advice: str
    transient: bool

    @classmethod
    def of(cls, error: CourierError) -> Self:
        """Turn an exception of ours into a value."""
        return cls(code=error.code, what=error.what, which=error.which, advice=error.advice, transient=error.transient)

    def __str__(self) -> str:
        """One line: to what, what happened, what to do."""
        about = f"{self.which}: " if self.which else ""
        return f"{about}{self.what} {self.advice}"
