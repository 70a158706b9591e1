"""What the settings say of a remote folder: where it is, how it is logged in there, and whose it is."""

import base64
import binascii
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from fsspec import available_protocols
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from flows.core.remotes.place import Place

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def _address(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("leave user and password out of the address: they are settings of their own")
    if "?" in url or "#" in url:
        raise ValueError("an address has no ? and no # in it")
    try:
        place = Place.parse(url)
    except ValueError:
        raise ValueError("write the address as sftp://host/folder, s3://bucket/prefix or https://host/folder") from None
    if not place.authority or "{user}" in place.authority:
        raise ValueError("the address has no host or bucket of its own")
    return str(place)


def _host_key(key: str) -> str:
    """Return the fingerprint of a host key, as OpenSSH writes it."""
    if _FINGERPRINT.fullmatch(key):
        return key
    for word in key.split():
        if word.startswith("AAAA"):
            try:
                digest = hashlib.sha256(base64.b64decode(word, validate=True)).digest()
            except binascii.Error:
                break
            return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    raise ValueError("give what `ssh-keyscan` prints of the host, or a fingerprint such as SHA256:pUx...")


def _json_object(text: SecretStr) -> SecretStr:
    try:
        told = json.loads(text.get_secret_value())
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise ValueError('write it as a JSON object, for example {"username": "courier"}') from None
    return text


HostKey = Annotated[str, AfterValidator(_host_key)]


class Remote(BaseModel):
    """A folder on another machine that imports may come from: how it is reached, and whose it is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Where it is, for example sftp://nas.example.org/data/{user}, s3://bucket/prefix or "
        "https://host/folder; `{user}` stands for the OMERO login name. Nothing else of that host is read."
    )
    everyone: bool = Field(default=False, description="Every user may import from it.")
    users: frozenset[str] = Field(default=frozenset(), description="Login names that may.")
    groups: frozenset[str] = Field(default=frozenset(), description="OMERO groups whose members may.")
    user: str | None = Field(default=None, description="sftp, http: the name to log in with.")
    password: SecretStr | None = Field(default=None, description="sftp, http: its password.")
    private_key: Path | None = Field(default=None, description="sftp: file with the private key to log in with.")
    passphrase: SecretStr | None = Field(default=None, description="sftp: what opens that key, where it is encrypted.")
    host_keys: tuple[HostKey, ...] = Field(
        default=(),
        description="sftp: the keys by which the host is known, as `ssh-keyscan` prints them or by their fingerprints.",
    )
    token: SecretStr | None = Field(default=None, description="http: a bearer token, in place of user and password.")
    access_key: SecretStr | None = Field(default=None, description="s3: the access key; left out for public data.")
    secret_key: SecretStr | None = Field(default=None, description="s3: its secret.")
    endpoint: str | None = Field(default=None, description="s3: address of the service. Left out: Amazon's.")
    region: str | None = Field(default=None, description="s3: its region.")
    options: Annotated[SecretStr, AfterValidator(_json_object)] | None = Field(
        default=None, description="Others: what fsspec's driver of this protocol is to be told, as a JSON object."
    )
    timeout: float = Field(default=60, gt=0, description="Seconds that the host may take for each answer.")

    @model_validator(mode="after")
    def _is_somebodys(self) -> Self:
        if not (self.everyone or self.users or self.groups or "{user}" in self.url):
            raise ValueError("say whose it is: {user} in the address, users, groups, or everyone")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        scheme = Place.parse(self.url).scheme
        if scheme not in available_protocols():
            raise ValueError(f"{scheme}:// is no protocol that fsspec has a driver for")
        if scheme == "sftp" and not (self.user and (self.password or self.private_key)):
            raise ValueError("sftp needs the user, and a password or a private key")
        if scheme == "sftp" and not self.host_keys:
            raise ValueError("sftp needs host_keys, by which the host is known: `ssh-keyscan HOST` prints them")
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key come together")
        if scheme.startswith("http") and (self.user is None) != (self.password is None):
            raise ValueError("user and password come together")
        if scheme.startswith("http") and self.user and self.token:
            raise ValueError("give a token, or user and password")
        return self

    def place_for(self, user: str) -> Place | None:
        """Return where it is for a user; None where the login name would make it another place."""
        if "{user}" in self.url and (user in {"", ".", ".."} or "/" in user or "\0" in user):
            return None
        return Place.parse(self.url.replace("{user}", user))

    @property
    def is_personal(self) -> bool:
        """Whether each user has a folder of their own in there, and nobody else is named."""
        return "{user}" in self.url and not (self.users or self.groups)

    @property
    def driver_options(self) -> dict[str, Any]:
        """What fsspec's driver is to be told."""
        return dict(json.loads(self.options.get_secret_value())) if self.options else {}
