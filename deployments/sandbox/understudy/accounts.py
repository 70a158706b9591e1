"""Users and groups: the seed that a new database begins with, and the passwords, which are never stored.

The seed is a JSON file, or `DEFAULT_SEED`. It is read at every start: new users and groups are added, known ones
stay as they are in the database, passwords are always those of the file.
"""

import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments.sandbox.understudy.access import PRIVILEGES, SYSTEM_GROUP, USER_GROUP
from deployments.sandbox.understudy.database import Database, Transaction
from deployments.sandbox.understudy.rows import Ref, Row, Value

DEFAULT_SEED: dict[str, Any] = {
    "groups": [
        {"name": "lab", "permissions": "rwra--"},
        {"name": "clinic", "permissions": "rw----"},
        {"name": "teaching", "permissions": "rwr---"},
        {"name": "studio", "permissions": "rwrw--"},
    ],
    "users": [
        {"name": "root", "password": "omero", "groups": ["system", "user"], "first_name": "root", "last_name": "root"},
        {"name": "alice", "password": "alice", "groups": ["lab", "studio"], "email": "alice@example.org"},
        {"name": "bob", "password": "bob", "groups": ["lab", "teaching", "studio"], "email": "bob@example.org"},
        {"name": "carol", "password": "carol", "groups": ["clinic", "teaching"], "email": "carol@example.org"},
        {"name": "dave", "password": "dave", "groups": ["lab", "clinic"], "leads": ["clinic"]},
        {"name": "retired", "password": "retired", "groups": ["lab"], "active": False},
        {
            "name": "courier-service",
            "password": "courier-service",
            "groups": ["system"],
            "privileges": ["Sudo"],
            "last_name": "Service",
        },
    ],
}


@dataclass(frozen=True)
class User:
    """One line of the seed."""

    name: str
    password: str = field(repr=False)
    groups: tuple[str, ...] = ()
    """In order; the first is the default group. `system` makes an administrator."""
    leads: tuple[str, ...] = ()
    privileges: tuple[str, ...] = PRIVILEGES
    """Of an administrator; fewer than all make a restricted one."""
    active: bool = True
    """Inactive users are not in the group `user` and cannot log in."""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True)
class Seed:
    """All groups (name: permissions) and users."""

    groups: dict[str, str]
    users: tuple[User, ...]


def read_seed(file: Path | None) -> Seed:
    """The seed of a JSON file shaped like `DEFAULT_SEED`, or the default.

    Raises:
        TypeError: a user has a key that is not known.
    """
    data = json.loads(file.read_text(encoding="utf-8")) if file else DEFAULT_SEED
    return Seed(
        groups={group["name"]: group["permissions"] for group in data["groups"]},
        users=tuple(_user(user) for user in data["users"]),
    )


def _user(given: dict[str, Any]) -> User:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return User(**values)


class Passwords:
    """Compares; holds what the seed said, in memory only."""

    def __init__(self, seed: Seed) -> None:
        self._known = {user.name: user.password for user in seed.users}

    def match(self, name: str, password: str) -> bool:
        """Is this the user's password?"""
        known = self._known.get(name)
        return known is not None and hmac.compare_digest(known.encode(), password.encode())


class Seeder:
    """Writes what a seed has and the database has not."""

    def __init__(self, database: Database, transaction: Transaction) -> None:
        self._database = database
        self._transaction = transaction

    def apply(self, seed: Seed) -> None:
        """Add the missing groups and users, with OMERO's fixed ids for its own."""
        self._database.reserve_ids("ExperimenterGroup", 2)
        self._database.reserve_ids("Experimenter", 1)
        self._group("system", "rw----", SYSTEM_GROUP)
        self._group("user", "rwr-r-", USER_GROUP)
        self._group("guest", "rw----", 2)
        for name, permissions in seed.groups.items():
            self._group(name, permissions)
        for user in sorted(seed.users, key=lambda user: user.name != "root"):
            if not self._named("Experimenter", "omeName", user.name):
                self._user(user)

    def _named(self, table: str, name: str, value: str) -> Ref | None:
        rows = {row.ref: row for row in self._database.table(table)} | self._transaction.staged
        return next((ref for ref, row in rows.items() if ref.table == table and row.get(name) == value), None)

    def _group(self, name: str, permissions: str, group_id: int | None = None) -> None:
        if self._named("ExperimenterGroup", "name", name):
            return
        self._put("ExperimenterGroup", {"name": name, "ldap": False}, {"permissions": permissions}, group_id)

    def _user(self, user: User) -> None:
        values: dict[str, Value] = {
            "omeName": user.name,
            "firstName": user.first_name or user.name.split("-")[0].title(),
            "lastName": user.last_name or "Example",
            "email": user.email,
            "ldap": False,
        }
        privileges = tuple((name, "true") for name in user.privileges)
        root_id = 0 if user.name == "root" else None
        experimenter = self._put("Experimenter", values, {"privileges": privileges}, root_id)
        groups = [name for name in user.groups if name != "user"] + (["user"] if user.active else [])
        for name in groups:
            group = self._named("ExperimenterGroup", "name", name)
            if group is None:
                raise LookupError(f"The seed's user {user.name} is in the group {name}, which the seed does not have.")
            membership: dict[str, Value] = {"parent": group, "child": experimenter, "owner": name in user.leads}
            self._put("GroupExperimenterMap", membership)

    def _put(
        self, kind: str, values: dict[str, Value], marks: dict[str, Value] | None = None, row_id: int | None = None
    ) -> Ref:
        ref = self._transaction.new_ref(kind) if row_id is None else Ref(kind, row_id)
        return self._transaction.put(Row(kind, ref, values, marks=marks or {})).ref
