"""Who may read, write, annotate and link what: OMERO's rules, for one caller.

Source: omero-server ome.security.basic (BasicACLVoter, OneGroupSecurityFilter, AllGroupsSecurityFilter,
OmeroInterceptor). Group permissions are OMERO's strings: rw----, rwr---, rwra--, rwrw--.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import omero

from deployments.sandbox.understudy.refusals import not_modelled, refusal
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.schema import Kind, kind_of

SYSTEM_GROUP, USER_GROUP, ALL_GROUPS = 0, 1, -1
PRIVILEGES = (
    "Chgrp", "Chown", "DeleteFile", "DeleteManagedRepo", "DeleteOwned", "DeleteScriptRepo", "ModifyGroup",
    "ModifyGroupMembership", "ModifyUser", "ReadSession", "Sudo", "WriteFile", "WriteManagedRepo", "WriteOwned",
    "WriteScriptRepo",
)  # fmt: skip


class Role(IntEnum):
    """The column of a permissions string."""

    USER = 0
    GROUP = 2
    WORLD = 4


class Right(StrEnum):
    """What may be done; whoever may write may also annotate."""

    READ = "r"
    ANNOTATE = "a"
    WRITE = "w"


def granted(permissions: str, role: Role, right: Right) -> bool:
    """Does a permissions string give a role a right?"""
    reads, writes = permissions[role], permissions[role + 1]
    if right is Right.READ:
        return reads == "r"
    return writes == "w" or (right is Right.ANNOTATE and writes == "a")


@dataclass(frozen=True)
class Caller:
    """Who calls, and in which group: OMERO's event context."""

    session_id: int
    session_uuid: str
    user_id: int
    user_name: str
    sudoer_id: int | None
    sudoer_name: str | None
    group_id: int
    """`ALL_GROUPS` reads across groups."""
    is_admin: bool
    privileges: frozenset[str]
    member_of: tuple[int, ...]
    leader_of: tuple[int, ...]

    @property
    def event_group(self) -> int:
        """The group of what the caller does now; across groups it is the first of the caller's own."""
        own = [group for group in self.member_of if group != USER_GROUP]
        return self.group_id if self.group_id != ALL_GROUPS else own[0]

    @property
    def is_full_admin(self) -> bool:
        """An administrator whom nothing restricts."""
        return self.privileges == frozenset(PRIVILEGES)


class Access:
    """The rules, applied to one caller."""

    def __init__(self, caller: Caller, find: Callable[[Ref], Row | None]) -> None:
        self.caller = caller
        self._find = find

    def permissions_of(self, group: int) -> str:
        """A group's permissions string."""
        row = self._find(Ref("ExperimenterGroup", group))
        return str(row.marks["permissions"]) if row else "------"

    def readable(self, row: Row) -> bool:
        """May the caller see this row? Administrators, restricted ones too, see every group."""
        caller = self.caller
        if kind_of(row.kind).is_system or row.group is None:
            return True
        if caller.group_id == ALL_GROUPS:
            return caller.is_admin or self._readable_across_groups(row, row.group)
        if row.group in (SYSTEM_GROUP, USER_GROUP):
            return True
        if row.group != caller.group_id:
            return False
        permissions = self.permissions_of(row.group)
        return (
            granted(permissions, Role.GROUP, Right.READ)
            or granted(permissions, Role.WORLD, Right.READ)
            or caller.is_admin
            or row.group in caller.leader_of
            or row.owner == caller.user_id
        )

    def _readable_across_groups(self, row: Row, group: int) -> bool:
        caller, permissions = self.caller, self.permissions_of(group)
        return (
            granted(permissions, Role.WORLD, Right.READ)
            or (row.owner == caller.user_id and granted(permissions, Role.USER, Right.READ))
            or (group in caller.member_of and granted(permissions, Role.GROUP, Right.READ))
            or group in caller.leader_of
        )

    def allows(self, row: Row, right: Right, *, delete: bool = False) -> bool:
        """May the caller change, delete or annotate this row? (BasicACLVoter.allowUpdateOrDelete)."""
        caller = self.caller
        if caller.is_full_admin:
            return right is Right.WRITE or not self._is_critical_for(row)
        if self._privilege_needed(row, delete=delete) in caller.privileges:
            return True
        if kind_of(row.kind).is_system or row.group is None:
            return right is Right.ANNOTATE
        if right is Right.ANNOTATE and self._is_critical_for(row):
            return False
        if row.group in caller.leader_of:
            return True
        permissions = "rw----" if row.group == USER_GROUP else self.permissions_of(row.group)
        return (
            granted(permissions, Role.WORLD, right)
            or (row.owner == caller.user_id and granted(permissions, Role.USER, right))
            or (row.group in caller.member_of and granted(permissions, Role.GROUP, right))
        )

    @staticmethod
    def _privilege_needed(row: Row, *, delete: bool) -> str:
        match row.kind:
            case "Experimenter":
                return "ModifyUser"
            case "ExperimenterGroup":
                return "ModifyGroup"
            case "GroupExperimenterMap":
                return "ModifyGroupMembership"
            case "OriginalFile" if row.get("repo"):
                return "DeleteManagedRepo" if delete else "WriteManagedRepo"
            case "OriginalFile":
                return "DeleteFile" if delete else "WriteFile"
        return "DeleteOwned" if delete else "WriteOwned"

    def _is_critical_for(self, row: Row) -> bool:
        """In a private group, its leaders and administrators may not tie anything to the data of others."""
        caller = self.caller
        if row.group is None or row.owner == caller.user_id:
            return False
        oversees = caller.is_admin or row.group in caller.leader_of
        return oversees and not granted(self.permissions_of(row.group), Role.GROUP, Right.READ)

    def check_creation(self, kind: Kind, group: int) -> None:
        """Refuse an object that the caller may not make in this group (OmeroInterceptor.newTransientDetails)."""
        if kind.is_system and self.caller.is_full_admin:
            raise not_modelled(f"making a {kind.name}; accounts come from the seed")
        if kind.is_system:
            message = f"{kind.java_name} is a System-type, and may be created only through privileged APIs."
            raise refusal(omero.SecurityViolation, message)
        creates_for_others = ("WriteFile" if kind.name == "OriginalFile" else "WriteOwned") in self.caller.privileges
        world_right = Right.ANNOTATE if kind.is_annotation_link else Right.WRITE
        permissions = self.permissions_of(group)
        if not (creates_for_others or group in self.caller.member_of or granted(permissions, Role.WORLD, world_right)):
            raise refusal(omero.SecurityViolation, f"You are not authorized to create {kind.java_name}")

    def check_link(self, kind: Kind, group: int, linked: Row) -> None:
        """Refuse a reference from a new or changed object to `linked` (OmeroInterceptor.evaluateLinkages)."""
        if kind.is_system or linked.group in (None, SYSTEM_GROUP, USER_GROUP) or kind_of(linked.kind).is_system:
            return
        caller, name = self.caller, f"{kind_of(linked.kind).java_name}:Id_{linked.id}"
        if linked.group != group:
            raise refusal(
                omero.GroupSecurityViolation,
                f"MIXED GROUP: {kind.java_name}(group={group}) and {name}(group={linked.group}) cannot be linked.",
            )
        permissions = self.permissions_of(group)
        if self._is_critical_for(linked):
            message = f"Cannot link to {name}\nCurrent user ({caller.user_name}) is an admin or the owner of\n"
            message += f"the private group ({group}={permissions}). It is not allowed to\nlink to users' data."
            raise refusal(omero.ReadOnlyGroupSecurityViolation, message)
        if linked.owner != caller.user_id and (caller.is_admin or group in caller.leader_of):
            return
        role = Role.USER if linked.owner == caller.user_id else Role.GROUP if group in caller.member_of else Role.WORLD
        if not granted(permissions, role, Right.ANNOTATE if kind.is_annotation_link else Right.WRITE):
            raise refusal(omero.SecurityViolation, f"Group is {permissions}. Cannot link to object: {name}")
