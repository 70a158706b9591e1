"""Who can log in to the sandbox's OMERO stand-in."""

import secrets
from collections.abc import Mapping
from typing import Any

SERVICE_ACCOUNT = "courier-service"
EASY_TO_TYPE = {"alice": "alice", "bob": "bob", "carol": "carol", "root": "omero"}
"""The sandbox is open to whoever sits at the machine: these are no secret, unless that is asked for."""
_GROUPS = {"alice": ["lab"], "bob": ["lab", "clinic"], "carol": ["clinic"], "root": ["system", "user"]}


def passwords(*, secret: bool) -> dict[str, str]:
    """Return new passwords: people's easy to type or secret, the service account's always secret."""
    people = {name: secrets.token_urlsafe(16) for name in EASY_TO_TYPE} if secret else EASY_TO_TYPE
    return {**people, SERVICE_ACCOUNT: secrets.token_urlsafe(24)}


def seed(known: Mapping[str, str]) -> dict[str, Any]:
    """Return users and groups with these passwords, as the stand-in's `--users` file has them."""
    people = [
        {"name": name, "password": known[name], "groups": groups, "email": f"{name}@sandbox.example"}
        for name, groups in _GROUPS.items()
    ]
    service = {
        "name": SERVICE_ACCOUNT,
        "password": known[SERVICE_ACCOUNT],
        "groups": ["system"],
        "privileges": ["Sudo"],
    }
    groups = [{"name": "lab", "permissions": "rwra--"}, {"name": "clinic", "permissions": "rw----"}]
    return {"groups": groups, "users": [*people, service]}
