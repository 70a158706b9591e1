"""What goes over the wire: Smuggler's own names, its numbers that are texts, and its leniency."""

from email.utils import parseaddr
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

from api.smuggler import described
from api.smuggler.places import read_place
from flows.core.requests import Receiver

MAX_BATCH_BYTES = 4 * 1024 * 1024
"""The largest batch, as JSON: OMERO.insight repeats everything for each of thousands of files."""
GLACIER2 = 4064
"""The port of OMERO's encrypted router, where none is named."""
SHORTEST = 600_000
"""Milliseconds: OMERO's own idle time, and so what Smuggler keeps a session alive for where it is not told."""


def _as_text(value: object) -> object:
    """Take a number or a truth value for the text that it is written as; an empty text for none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("there is half a character in it")
    return None if value == "" else value


def _positive(value: object) -> object:
    text = _as_text(_stripped(value))
    if text is None:
        return None
    if not (isinstance(text, str) and text.isascii() and text.removeprefix("+").isdecimal()):
        raise ValueError("not a positive integer")
    if not 0 < (number := int(text[:20])) < 2**63:
        raise ValueError("not a positive integer")
    return number


def _port(number: int) -> int:
    if number > 65535:
        raise ValueError("no port is above 65535")
    return number


def _place(text: str) -> str:
    read_place(text)
    return text


def _bare(value: object) -> object:
    """Take the address out of what profiles in OMERO may hold: blanks around it, or a name before it."""
    text = _as_text(value)
    return (parseaddr(text)[1] or text) if isinstance(text, str) and "<" in text else _stripped(text)


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _address(text: str) -> str:
    if "@" not in text:
        raise ValueError("no e-mail address")
    return text


Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
MaybeText = Annotated[str | None, BeforeValidator(_as_text)]
Positive = Annotated[int, BeforeValidator(_positive), described.NUMBER]
Port = Annotated[int, BeforeValidator(_positive), AfterValidator(_port), described.PORT]
Secret = Annotated[SecretStr, BeforeValidator(_as_text), Field(min_length=1, max_length=1024)]


class Wire(BaseModel):
    """What a client sends: fields that nobody knows are passed over, as by Gson; null and empty mean left out."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        json_schema_extra=described.finish,
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value not in (None, "")}


class AtOmero(Wire):
    """An OMERO server as clients name it."""

    omero_host: Text = Field(max_length=255, description="One of the OMERO servers in the settings, or an alias.")
    omero_port: Port = Field(default=GLACIER2)


class ImportElement(AtOmero):
    """One file or folder that is to be imported."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra=described.one_of_two)

    experimenter_email: Annotated[Receiver, AfterValidator(_address), BeforeValidator(_bare), described.E_MAIL] = Field(
        description="Who is told.", examples=["alice@example.org"]
    )
    target_uri: Annotated[Text, AfterValidator(_place), Field(max_length=4096), described.FILE] = Field(
        description="A file: URI, or an absolute path as the client's machine writes it.",
        examples=["file:///data/alice/cells.tif", "C:\\data\\cells.lif"],
    )
    session_key: Secret = Field(description="Whose images these are. The session is ended once the batch is over.")
    name: MaybeText = Field(default=None, max_length=255, description="Of the image or plate.")
    description: MaybeText = Field(default=None, max_length=10_000)
    dataset_id: Positive | None = Field(default=None, description="Not with screenId.")
    screen_id: Positive | None = Field(default=None, description="Not with datasetId.")
    text_annotations: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list, max_length=1000, description="Pairs of namespace and text."
    )
    annotation_ids: list[Positive] = Field(default_factory=list, max_length=1000, description="Ids in OMERO.")

    @model_validator(mode="after")
    def _one_target(self) -> "ImportElement":
        if self.dataset_id is not None and self.screen_id is not None:
            raise ValueError("datasetId and screenId are mutually exclusive")
        return self


class ImportResponse(BaseModel):
    """One import that was accepted."""

    statusUri: str = Field(  # noqa: N815 - Smuggler's name
        description="GET it for the log.", examples=["/ome/import/AZLwwXobfD2OT1prfI2eDwAA1d3lKhl8PZc7Zz1RmTjgIg"]
    )
    targetUri: str = Field(examples=["file:///data/alice/cells.tif"])  # noqa: N815 - likewise


class NewOmeroSession(AtOmero):
    """A login for imports to come."""

    username: Text = Field(max_length=255)
    password: Secret = Field(description="Used once, and forgotten.")
    keep_alive_duration: Positive = Field(
        default=SHORTEST, description="Milliseconds that the session lives on unused."
    )


class OmeroSessionKey(BaseModel):
    """A session, which its client ends, or the end of the batch that it is sent with."""

    sessionKey: str  # noqa: N815 - Smuggler's name


class Reason(BaseModel):
    """Why not."""

    reason: str = Field(examples=["1: targetUri: give an absolute path"])
