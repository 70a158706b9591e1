"""Settings with a root for everybody, and sweeps made from a few words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from flows.core.settings import Mail, Notifications, OmeroServer, Root, ServiceAccount, Settings

SERVER = OmeroServer(host="omero", service_account=ServiceAccount(user="courier", password=SecretStr("x")))


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings with one server and the root /data, but for what is said otherwise."""

    def make(**other: Any) -> Settings:
        return Settings(
            **{
                "servers": {"main": SERVER},
                "roots": {"all": Root(path=Path("/data"), everyone=True)},
                "notifications": Notifications(mail=Mail(), channels={"team": SecretStr("slack://a")}),
                "seal_keys": (SecretStr(Fernet.generate_key().decode()),),
                **other,
            }
        )

    return make
