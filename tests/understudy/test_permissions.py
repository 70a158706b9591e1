"""What users may read, change and tie together, in groups of each of OMERO's permission levels."""

from pathlib import Path
from typing import Any

import omero
import omero.model
import pytest
from omero.rtypes import rlong, rstring

from tests.understudy.conftest import Connect
from tests.understudy.plain import begin, comment, dataset, delete, do_import, project

LAB, CLINIC, TEACHING, STUDIO = "3", "4", "5", "6"


def sees(client: Any, thing: Any, group: str = "-1") -> bool:
    return bool(project(client, "select d.id from Dataset d where d.id = :id", {"omero.group": group}, id=thing.id))


def rename(client: Any, thing: Any, group: str) -> None:
    context = {"omero.group": group}
    loaded = client.getSession().getQueryService().get("Dataset", thing.id.val, context)
    loaded.setName(rstring("renamed"))
    client.getSession().getUpdateService().saveObject(loaded, context)


def annotate(client: Any, thing: Any, group: str) -> None:
    link = omero.model.DatasetAnnotationLinkI()
    link.parent, link.child = thing, comment("a remark")
    client.getSession().getUpdateService().saveObject(link, {"omero.group": group})


def put_into(client: Any, parent: Any, group: str) -> None:
    """Link one's own project to somebody's dataset."""
    link, own = omero.model.ProjectDatasetLinkI(), omero.model.ProjectI()
    own.setName(rstring("own"))
    link.parent, link.child = own, parent
    client.getSession().getUpdateService().saveObject(link, {"omero.group": group})


LEVELS = {
    "read-only": ("carol", TEACHING, set()),
    "read-annotate": ("alice", LAB, {"annotate"}),
    "read-write": ("alice", STUDIO, {"annotate", "rename", "put_into"}),
}
"""By group: an owner, the group's id, and what bob, who is in all of them, may do with the owner's data."""


@pytest.mark.parametrize(("owner", "group", "rights"), LEVELS.values(), ids=LEVELS)
def test_members_read_annotate_and_change_as_the_group_lets_them(
    connect: Connect, unique: str, owner: str, group: str, rights: set[str]
) -> None:
    made, bob = dataset(connect(owner), unique, int(group)), connect("bob")
    done = {act.__name__ for act in (annotate, rename, put_into) if allowed(act, bob, made, group)}

    assert sees(bob, made, group)
    assert sees(bob, made)
    assert done == rights


def allowed(call: Any, *arguments: Any) -> bool:
    try:
        call(*arguments)
    except omero.SecurityViolation:
        return False
    return True


def test_a_private_group_shows_nothing_to_outsiders(connect: Connect, unique: str) -> None:
    made = dataset(connect("carol"), unique, int(CLINIC))

    assert not sees(connect("alice"), made)
    with pytest.raises(omero.SecurityViolation, match="not a member"):
        sees(connect("alice"), made, CLINIC)


def test_nobody_writes_into_another_s_private_group(connect: Connect, unique: str, image: Path) -> None:
    private = dataset(connect("carol"), unique, int(CLINIC))
    alice = connect("alice")

    with pytest.raises(omero.SecurityViolation, match="not a member"):
        dataset(alice, unique, int(CLINIC))
    with pytest.raises(omero.SecurityViolation):
        put_into(alice, private, LAB)
    assert do_import(alice, image, target=private).name == "import-request-failure"


def test_a_group_leader_sees_private_data_but_may_not_tie_anything_to_it(connect: Connect, unique: str) -> None:
    made, leader = dataset(connect("carol"), unique, int(CLINIC)), connect("dave", group="clinic")

    assert sees(leader, made, CLINIC)
    assert allowed(rename, leader, made, CLINIC)
    with pytest.raises(omero.ReadOnlyGroupSecurityViolation):
        annotate(leader, made, CLINIC)


def test_an_administrator_may_do_everything_in_everybody_s_name(connect: Connect, unique: str) -> None:
    made, root = dataset(connect("alice"), unique), connect("root", password="omero")

    assert sees(root, made, LAB)
    assert allowed(rename, root, made, LAB)


def test_a_sudo_only_account_writes_nothing_of_others(connect: Connect, unique: str) -> None:
    made, service = dataset(connect("alice"), unique), connect("courier-service")

    assert not allowed(rename, service, made, LAB)
    assert not allowed(annotate, service, made, LAB)
    assert not allowed(dataset, service, unique, int(LAB))
    assert delete(service, "Dataset", made.id.val).message == (
        f"not permitted to delete ome.model.containers.Dataset[{made.id.val}]"
    )


def test_a_sudo_only_account_imports_nothing_for_itself_into_a_user_s_group(connect: Connect, image: Path) -> None:
    service = connect("courier-service")
    service.getImplicitContext().put("omero.group", LAB)

    with pytest.raises(omero.SecurityViolation, match="not authorized"):
        begin(service, [image])


def test_every_administrator_reads_everything_as_omero_has_it(connect: Connect, unique: str) -> None:
    assert sees(connect("courier-service"), dataset(connect("carol"), unique, int(CLINIC)))


def test_groups_are_not_mixed(connect: Connect, unique: str) -> None:
    alice = connect("alice")
    here, there = dataset(alice, unique, int(LAB)), dataset(alice, unique, int(STUDIO))

    assert sees(alice, here, LAB)
    with pytest.raises(omero.SecurityViolation):
        put_into(alice, there, LAB)


def test_across_groups_one_only_reads(connect: Connect, unique: str) -> None:
    with pytest.raises(omero.SecurityViolation):
        dataset(connect("alice"), unique, -1)


def test_nobody_makes_users_or_names_another_owner(connect: Connect, unique: str) -> None:
    update = connect("alice").getSession().getUpdateService()
    person, given = omero.model.ExperimenterI(), omero.model.DatasetI()
    person.setOmeName(rstring(unique))
    given.setName(rstring(unique))
    given.details.owner = omero.model.ExperimenterI(rlong(3), False)

    with pytest.raises(omero.SecurityViolation, match="System-type"):
        update.saveObject(person)
    with pytest.raises(omero.SecurityViolation, match="set the Experimenter"):
        update.saveObject(given)


def test_permissions_of_an_object_say_what_this_user_may_do(connect: Connect, unique: str) -> None:
    made = dataset(connect("alice"), unique)
    get = connect("bob").getSession().getQueryService().get
    permissions = get("Dataset", made.id.val).details.permissions

    assert str(permissions) == "rwra--"
    assert (permissions.canAnnotate(), permissions.canEdit(), permissions.canDelete()) == (True, False, False)


def test_a_change_by_another_in_between_is_noticed(connect: Connect, unique: str) -> None:
    alice = connect("alice")
    made = dataset(alice, unique)
    stale = alice.getSession().getQueryService().get("Dataset", made.id.val)
    rename(alice, made, LAB)
    stale.setName(rstring("late"))

    with pytest.raises(omero.OptimisticLockException):
        alice.getSession().getUpdateService().saveObject(stale)


@pytest.mark.parametrize("kind", ["Dataset", "Project", "Screen"])
def test_containers_need_a_name(connect: Connect, kind: str) -> None:
    nameless = getattr(omero.model, kind + "I")()

    with pytest.raises(omero.ValidationException, match="name"):
        connect("alice").getSession().getUpdateService().saveObject(nameless)


def test_what_is_not_modelled_says_so(connect: Connect) -> None:
    session = connect("alice").getSession()

    with pytest.raises(omero.InternalException, match="not modelled"):
        session.getUpdateService().saveObject(omero.model.RoiI())
    with pytest.raises(omero.InternalException, match="not modelled"):
        session.createThumbnailStore()
    with pytest.raises(omero.QueryException, match="not modelled"):
        session.getQueryService().find("Roi", 1)
    with pytest.raises(omero.InternalException, match="not modelled"):
        session.getLdapService().getSetting()
