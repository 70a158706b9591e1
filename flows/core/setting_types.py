"""What settings are made of: groups that refuse what they do not know, short names, addresses of networks."""

import ipaddress
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""A short name of our own: lower-case letters, digits and dashes."""


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("no address or network, such as 192.0.2.7 or 192.0.2.0/24") from None
    return text


Network = Annotated[str, AfterValidator(_network)]
"""An address, or a network of them."""


class Part(BaseModel):
    """A group of settings."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
