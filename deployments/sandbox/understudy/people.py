"""Who is who: users, their groups, what they lead, which privileges they hold.

Source: omero-server AdminImpl, SessionManagerImpl, BasicSecuritySystem.
"""

import omero

from deployments.sandbox.understudy.access import SYSTEM_GROUP, USER_GROUP, Right, Role, granted
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row, Value


class People:
    """Accounts, as the database has them now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def user_named(self, name: str) -> Row | None:
        """The Experimenter with this login."""
        return next((row for row in self._database.table("Experimenter") if row.get("omeName") == name), None)

    def memberships(self, user: Row) -> list[Row]:
        """GroupExperimenterMap rows, in order; the first is the default group."""
        return self._database.pointing_at(user.ref, "GroupExperimenterMap", "child")

    def groups_of(self, user: Row) -> list[int]:
        """The ids of the groups of a user, in order."""
        return [_group_id(row) for row in self.memberships(user)]

    def led_by(self, user: Row) -> list[int]:
        """The ids of the groups that a user leads."""
        return [_group_id(row) for row in self.memberships(user) if row.get("owner")]

    def is_active(self, user: Row) -> bool:
        """Inactive users have left the group `user`."""
        return USER_GROUP in self.groups_of(user)

    def privileges_of(self, user: Row) -> frozenset[str]:
        """What an administrator may do; nothing for all others."""
        held = user.marks.get("privileges", ())
        if SYSTEM_GROUP not in self.groups_of(user) or not isinstance(held, tuple):
            return frozenset()
        return frozenset(name for name, _ in held)

    def default_group(self, user: Row) -> int | None:
        """The first group that is not `user`."""
        return next((group for group in self.groups_of(user) if group != USER_GROUP), None)

    def group_named(self, user: Row, name: str | None) -> int:
        """A group's id by its name or id; nothing given, or `user`, is the user's default group."""
        if not name or name == "user":
            group = self.default_group(user)
            if group is None:
                raise refusal(omero.AuthenticationException, f"Can't find default group for {user.get('omeName')}")
            return group
        for row in self._database.table("ExperimenterGroup"):
            if row.get("name") == name or str(row.id) == name:
                return row.id
        raise refusal(omero.AuthenticationException, f"Error creating session. No such group: {name}")

    def add_to_group(self, user_name: str, group_name: str) -> None:
        """Make somebody a member, at the end of their groups; nothing if they are one. In `user` means active.

        Raises:
            ValueError: there is no such user or group.
        """
        user, group = self._both(user_name, group_name)
        if group.id not in self.groups_of(user):
            with self._database.transaction() as transaction:
                values: dict[str, Value] = {"parent": group.ref, "child": user.ref, "owner": False}
                ref = transaction.new_ref("GroupExperimenterMap")
                transaction.put(Row("GroupExperimenterMap", ref, values))

    def remove_from_group(self, user_name: str, group_name: str) -> None:
        """Let somebody be a member no longer; from `user`, which makes them inactive. Sessions go on.

        Raises:
            ValueError: there is no such user or group.
        """
        user, group = self._both(user_name, group_name)
        with self._database.transaction() as transaction:
            transaction.delete([row.ref for row in self.memberships(user) if _group_id(row) == group.id])

    def _both(self, user_name: str, group_name: str) -> tuple[Row, Row]:
        user = self.user_named(user_name)
        groups = [row for row in self._database.table("ExperimenterGroup") if row.get("name") == group_name]
        if user is None or not groups:
            raise ValueError(f"there is no user {user_name} or no group {group_name}")
        return user, groups[0]

    def check_entry(self, user: Row, group_id: int) -> None:
        """Only members and administrators act in a group, unless everybody may read it.

        Raises:
            omero.SecurityViolation: this user may not.
        """
        groups = self.groups_of(user)
        if group_id in groups or SYSTEM_GROUP in groups:
            return
        group = self._database.get(Ref("ExperimenterGroup", group_id))
        if group is None or not granted(str(group.marks["permissions"]), Role.WORLD, Right.READ):
            message = f"User {user.id} is not a member of group {group_id} and cannot login"
            raise refusal(omero.SecurityViolation, message)


def _group_id(membership: Row) -> int:
    parent = membership.values["parent"]
    assert isinstance(parent, Ref)
    return parent.id
