"""What goes over the wire: requests and answers of the interface, version 1."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, SecretStr, field_validator, model_validator

from api.runs import ImportState, Retry
from flows.core.control import Stage
from flows.core.requests import Failure, Frozen, ImportOptions, ImportRequest, Name
from flows.core.setting_types import Label
from flows.core.status import PutAway

LONGEST_DELAY = timedelta(days=366)
PREFECT_KIND = "__prefect_kind"
"""A key that makes Prefect's server read a parameter as a template over its own variables."""


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


class NewImport(ImportOptions):
    """What is to be imported, where to, and how."""

    server: Label | None = Field(
        default=None,
        description="The OMERO server. Left out: the caller's, or the only one there is.",
        examples=["main"],
    )
    on_behalf_of: Name | None = Field(
        default=None,
        description="OMERO login name of the user whose images these are. Left out: you.",
        examples=["alice"],
    )
    not_before: AwareDatetime | None = Field(
        default=None,
        description="Start then or later, with a time zone. Left out: as soon as it is its turn.",
        examples=["2026-11-23T22:00:00+01:00"],
    )

    @field_validator("not_before")
    @classmethod
    def _is_soon(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment > datetime.now(UTC) + LONGEST_DELAY:
            raise ValueError("give a time within the next year")
        return moment

    @field_validator("key_values")
    @classmethod
    def _means_nothing_to_prefect(cls, pairs: dict[str, str]) -> dict[str, str]:
        if PREFECT_KIND in pairs:
            raise ValueError(f"{PREFECT_KIND} is no key that can be used")
        return pairs

    @model_validator(mode="after")
    def _can_be_stored(self) -> Self:
        if any("\0" in text for text in _texts(self.model_dump())):
            raise ValueError("there is a NUL character in it")
        return self

    def asked_for(self, user: str, group: str | None, workstation: str | None) -> ImportRequest:
        """Return the import for this user, in this group, of what this workstation says."""
        options = self.model_dump(include=set(ImportOptions.model_fields), exclude_unset=True)
        return ImportRequest(**{**options, "group": group, "on_behalf_of": user, "workstation": workstation})


Id = Annotated[UUID, Field(examples=["0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"])]
ServerName = Annotated[str, Field(description="Our name for the OMERO server.", examples=["main"])]
UserName = Annotated[str, Field(description="OMERO login name of the owner.", examples=["alice"])]
GroupName = Annotated[str | None, Field(description="null: the user's default group.", examples=["lab"])]
TargetName = Annotated[str | None, Field(examples=["Project:name:Mitosis/Dataset:name:First"])]
_HERE = "/v1/imports/0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"
_UI = "http://127.0.0.1:4200/runs/flow-run/0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"


class Links(BaseModel):
    """Where to go on."""

    status: str = Field(description="GET it for the state.", examples=[_HERE])
    log: str = Field(description="GET it for the log.", examples=[f"{_HERE}/log"])
    cancel: str = Field(description="POST there to stop it.", examples=[f"{_HERE}/cancel"])
    retry: str = Field(description="POST there to try it again once it is over.", examples=[f"{_HERE}/retry"])
    ui: str = Field(description="The run in the Prefect UI.", examples=[_UI])


class Accepted(BaseModel):
    """An import that waits for its turn."""

    id: Id
    state: ImportState
    position: int | None = Field(description="How many imports wait before it; null once it has started.")
    server: ServerName
    user: UserName
    group: GroupName
    target: TargetName
    checked: Literal["now", "later"] = Field(
        description="later: some sources can only be seen by the machine that imports; it checks them first."
    )
    notes: list[str] = Field(description="What you should know, for people.", examples=[[]])
    links: Links


class ImageAnswer(BaseModel):
    """An image in OMERO."""

    id: int = Field(examples=[101])
    name: str = Field(examples=["cells.ome.tiff"])
    link: str | None = Field(
        description="Its page in OMERO.web.", examples=["https://omero.example.org/webclient/?show=image-101"]
    )


class PlateAnswer(BaseModel):
    """A plate in OMERO."""

    id: int = Field(examples=[7])
    link: str | None = Field(
        description="Its page in OMERO.web.", examples=["https://omero.example.org/webclient/?show=plate-7"]
    )


class FilesetAnswer(BaseModel):
    """Files that OMERO imports together, and how far they are."""

    name: str = Field(examples=["cells.ome.tiff"])
    files: list[str] = Field(
        description="What OMERO opens first; of very many the first 100.",
        examples=[["/data/alice/today/cells.ome.tiff"]],
    )
    stage: Stage = Field(examples=["done"])
    bytes_done: int = Field(description="Of the present stage.", examples=[1048576])
    bytes_total: int = Field(examples=[1048576])
    attempts: int = Field(examples=[1])
    fileset_id: int | None
    duplicate: bool = Field(description="It was in OMERO already: nothing was imported.", examples=[False])
    images: list[ImageAnswer]
    plates: list[PlateAnswer] = Field(description="Where the images are fields of a plate.", examples=[[]])
    put_away: PutAway | None = Field(description="What became of the files, where `after_import` is move or delete.")
    error: Failure | None


class ImportSummary(BaseModel):
    """An import in a list."""

    id: Id
    name: str = Field(description="As the Prefect UI shows it.", examples=["alice: today into Dataset First"])
    state: ImportState
    stopping: bool = Field(description="It was cancelled and is coming to its end.", examples=[False])
    server: ServerName
    user: UserName
    group: GroupName
    target: TargetName
    created: datetime
    started: datetime | None
    ended: datetime | None
    attempts: int = Field(description="How often it began to run.", examples=[1])
    next_attempt: datetime | None = Field(
        description="When it may start, or start again; null while it waits until an earlier import of yours has ended."
    )
    position: int | None = Field(description="How many imports go before it; null unless it waits.", examples=[None])
    reason: str | None = Field(description="Why it is in this state, where there is more to say.", examples=[None])
    links: Links


class ImportAnswer(ImportSummary):
    """An import and what became of each file."""

    sources: list[str] = Field(examples=[["/data/alice/today"]])
    bytes_done: int = Field(description="Bytes' worth of work done, over all stages: for a progress bar.")
    bytes_total: int
    stages: dict[Stage, int] = Field(description="How many filesets are in each stage.")
    filesets: list[FilesetAnswer]


class ImportList(BaseModel):
    """A page of imports, the latest first."""

    imports: list[ImportSummary]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")


class Again(Frozen):
    """What is tried again."""

    what: Retry = Field(
        default=Retry.FAILED, description="failed: what is not in OMERO yet. all: everything that was asked for."
    )


class UnsentMessage(BaseModel):
    """A message that could not be sent."""

    id: Id
    server: ServerName
    user: UserName
    import_id: str | None = Field(description="What it tells of.", examples=["0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"])
    receiver: str = Field(description="An e-mail address, or a channel.", examples=["alice@example.org"])
    subject: str = Field(examples=["3 images are in OMERO"])
    created: datetime
    failed: datetime = Field(description="When it was given up.")
    attempts: int = Field(examples=[6])
    reason: str = Field(examples=["The mail server does not answer."])


class UnsentList(BaseModel):
    """The messages that could not be sent, the latest first."""

    messages: list[UnsentMessage]
    waiting: int = Field(description="Further ones, which are tried again by themselves.", examples=[0])


class PreviewMetadata(BaseModel):
    """What would be said of the images of some files."""

    row: int | None = Field(description="Of the table, where one speaks of them.", examples=[2])
    name: str | None = Field(examples=["Control 1"])
    description: str | None
    key_values: dict[str, str] = Field(examples=[{"Cell line": "HeLa"}])
    key_values_namespace: str | None = Field(examples=["openmicroscopy.org/omero/client/mapAnnotation"])
    tags: list[str] = Field(examples=[["control"]])
    comments: list[str]
    annotation_ids: list[int]
    attachments: list[str] = Field(description="Those that are put on images.")


class PreviewFileset(BaseModel):
    """Files that OMERO would import together."""

    name: str = Field(examples=["cells.ome.tiff"])
    files: list[str] = Field(
        description="What OMERO opens first; of very many the first 100.",
        examples=[["/data/alice/today/cells.ome.tiff"]],
    )
    bytes: int
    format: str | None = Field(description="null: not looked into, since there are so many.")
    target: str | None = Field(
        description="Where it would go; null where that is seen later.", examples=["Dataset:name:2026-11-23"]
    )
    metadata: PreviewMetadata | None


class Preview(BaseModel):
    """What an import would do."""

    server: ServerName
    user: UserName
    group: GroupName
    target: str | None = Field(description="Where the images would go; null where that is seen later.")
    to_make: list[str] = Field(description="What would be made in OMERO.", examples=[["Dataset Cells"]])
    notes: list[str] = Field(description="What you should know, for people.", examples=[[]])
    checked: Literal["now", "later"]
    bytes_total: int
    filesets: list[PreviewFileset]
    refused: list[Failure] = Field(description="What would not be imported, and why.")


class NewSession(Frozen):
    """A login."""

    user: Name = Field(description="OMERO login name.", examples=["alice"])
    password: SecretStr = Field(max_length=1024, description="Used once, and forgotten.")
    server: Label | None = Field(default=None, description="Left out: the only one there is.", examples=["main"])
    group: Name | None = Field(default=None, description="Left out: the user's default group.", examples=["lab"])


class Session(BaseModel):
    """A bearer handle."""

    token: str = Field(description="Send it as `Authorization: Bearer <token>`. Ends with DELETE /v1/sessions/current.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word that OAuth has for it
    server: str
    user: str
    group: str
    groups: list[str]
    idle_seconds: int = Field(description="It ends when it is not used for so long.")
