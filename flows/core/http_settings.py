"""The settings of the interfaces over HTTP: where they listen, whom they believe, what machines may do."""

from typing import Annotated

from pydantic import Field, StringConstraints

from flows.core.setting_types import Label, Network, Part


class ApiToken(Part):
    """A key for a machine, kept as a hash."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the token, hex: made by `make token`."
    )
    users: frozenset[str] = Field(description="OMERO login names it may act for; `*` is everybody.")
    servers: frozenset[str] = Field(default=frozenset({"*"}), description="Servers it may use; `*` is all.")
    roots: frozenset[str] = Field(
        default=frozenset({"*"}), description="Roots and remote folders it may read; `*` is all."
    )
    workstation: Label | None = Field(
        default=None, description="The workstation that it speaks for, by whose rules its paths are read."
    )


class Http(Part):
    """The HTTP interface."""

    host: str = Field(default="127.0.0.1", description="Address it listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Its port; 0 takes a free one.")
    proxies: tuple[Network, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks of the proxies before it, which are believed where requests come from.",
    )
    tokens: dict[Label, ApiToken] = Field(default_factory=dict, description="Keys for machines, by name.")
    session_idle_hours: float = Field(
        default=12, gt=0, le=24 * 30, description="How long an OMERO session made at the door may idle."
    )
    max_waiting: int = Field(default=10_000, ge=1, description="Waiting imports per server before a 429.")


class Smuggler(Part):
    """OME Smuggler's interface, for its own clients and OMERO.insight."""

    enabled: bool = Field(default=True, description="Whether it is offered.")
    open_to_this_machine: bool = Field(
        default=False,
        description=(
            "Whether everybody on the API's own machine may list all failed imports and mails without saying who they "
            "are, as Smuggler lets the world."
        ),
    )
    longest_session_hours: float = Field(
        default=168, gt=0, description="The longest that a session may be asked to be kept alive."
    )
