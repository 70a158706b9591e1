"""IAdmin: who am I, and who are the others. Read only: accounts come from the seed."""

from typing import Any

import omero
import omero.model
import omero.sys
from omero.rtypes import rstring

from deployments.sandbox.understudy.access import ALL_GROUPS
from deployments.sandbox.understudy.convert import Fetch, object_id
from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row

WITH_GROUPS: Fetch = {"groupExperimenterMap": {"parent": {}}}
WITH_MEMBERS: Fetch = {"groupExperimenterMap": {"child": {}}}


class Admin(SessionService):
    """Source: omero-server AdminImpl."""

    def getEventContext(self, current: Any) -> Any:  # noqa: N802
        """Who calls, in which group, with which rights."""
        call = self.call(current)
        caller, context = call.caller, omero.sys.EventContext()
        context.sessionId, context.sessionUuid = caller.session_id, caller.session_uuid
        context.userId, context.userName = caller.user_id, caller.user_name
        context.sudoerId = None if caller.sudoer_id is None else omero.rtypes.rlong(caller.sudoer_id)
        context.sudoerName = None if caller.sudoer_name is None else rstring(caller.sudoer_name)
        context.groupId, context.groupName = caller.group_id, self._group_name(caller.group_id)
        permissions = call.access.permissions_of(caller.group_id)
        context.groupPermissions = omero.model.PermissionsI(permissions)
        context.isAdmin, context.adminPrivileges = caller.is_admin, sorted(caller.privileges)
        context.memberOfGroups, context.leaderOfGroups = list(caller.member_of), list(caller.leader_of)
        context.eventId, context.eventType, context.shareId, context.isReadOnly = -1, "User", -1, False
        return context

    def _group_name(self, group_id: int) -> str:
        row = self.house.database.get(Ref("ExperimenterGroup", group_id))
        return str(row.get("name")) if row and group_id != ALL_GROUPS else ""

    def getSecurityRoles(self, _current: Any) -> Any:  # noqa: N802
        """The fixed ids."""
        roles = omero.sys.Roles()
        roles.rootId, roles.rootName = 0, "root"
        roles.systemGroupId, roles.systemGroupName = 0, "system"
        roles.userGroupId, roles.userGroupName = 1, "user"
        roles.guestId, roles.guestName, roles.guestGroupId, roles.guestGroupName = 1, "guest", 2, "guest"
        return roles

    def getCurrentAdminPrivileges(self, current: Any) -> Any:  # noqa: N802
        """The caller's privileges."""
        call = self.call(current)
        refs = [self.house.enumeration("AdminPrivilege", name) for name in sorted(call.caller.privileges)]
        return [call.reader.load(row) for ref in refs if (row := self.house.database.get(ref))]

    # Users

    def getExperimenter(self, user_id: int, current: Any) -> Any:  # noqa: N802
        """A user with groups, by id."""
        return self._load(self._existing("Experimenter", user_id), WITH_GROUPS, current)

    def lookupExperimenter(self, name: str, current: Any) -> Any:  # noqa: N802
        """A user with groups, by login."""
        return self._load(self._named("Experimenter", "omeName", name), WITH_GROUPS, current)

    def lookupExperimenters(self, current: Any) -> Any:  # noqa: N802
        """All users with groups."""
        return [self._load(row, WITH_GROUPS, current) for row in self.house.database.table("Experimenter")]

    def containedExperimenters(self, group_id: int, current: Any) -> Any:  # noqa: N802
        """The members of a group."""
        return [self._load(row, WITH_GROUPS, current) for row in self._across(group_id, "parent", "child")]

    # Groups

    def getGroup(self, group_id: int, current: Any) -> Any:  # noqa: N802
        """A group with its members, by id."""
        return self._load(self._existing("ExperimenterGroup", group_id), WITH_MEMBERS, current)

    def lookupGroup(self, name: str, current: Any) -> Any:  # noqa: N802
        """A group with its members, by name."""
        return self._load(self._named("ExperimenterGroup", "name", name), WITH_MEMBERS, current)

    def lookupGroups(self, current: Any) -> Any:  # noqa: N802
        """All groups with their members."""
        return [self._load(row, WITH_MEMBERS, current) for row in self.house.database.table("ExperimenterGroup")]

    def containedGroups(self, user_id: int, current: Any) -> Any:  # noqa: N802
        """The groups of a user."""
        return [self._load(row, WITH_MEMBERS, current) for row in self._across(user_id, "child", "parent")]

    def getDefaultGroup(self, user_id: int, current: Any) -> Any:  # noqa: N802
        """The group a user's sessions begin in."""
        user = self._existing("Experimenter", user_id)
        group = self.house.sessions.people.default_group(user)
        if group is None:
            raise refusal(omero.ApiUsageException, f"The user {user_id} has no default group set.")
        return self._load(self._existing("ExperimenterGroup", group), WITH_MEMBERS, current)

    def getMemberOfGroupIds(self, user: Any, _current: Any) -> Any:  # noqa: N802
        """Ids."""
        return self.house.sessions.people.groups_of(self._existing("Experimenter", object_id(user)))

    def getLeaderOfGroupIds(self, user: Any, _current: Any) -> Any:  # noqa: N802
        """Ids."""
        return self.house.sessions.people.led_by(self._existing("Experimenter", object_id(user)))

    def _across(self, row_id: int, near: str, far: str) -> list[Row]:
        table = "ExperimenterGroup" if near == "parent" else "Experimenter"
        maps = self.house.database.pointing_at(self._existing(table, row_id).ref, "GroupExperimenterMap", near)
        refs = [row.get(far) for row in maps]
        return [row for ref in refs if isinstance(ref, Ref) and (row := self.house.database.get(ref))]

    def _existing(self, table: str, row_id: int | None) -> Row:
        row = self.house.database.get(Ref(table, row_id)) if row_id is not None else None
        if row is None:
            raise refusal(omero.ApiUsageException, f"No such {table}: {row_id}")
        return row

    def _named(self, table: str, field: str, name: str) -> Row:
        for row in self.house.database.table(table):
            if row.get(field) == name:
                return row
        raise refusal(omero.ApiUsageException, f"No such {table}: {name}")

    def _load(self, row: Row, fetch: Fetch, current: Any) -> Any:
        return self.call(current).reader.load(row, fetch)
