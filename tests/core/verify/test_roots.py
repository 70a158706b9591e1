"""Who may import from where."""

from pathlib import Path

import pytest

from flows.core.errors import SourceNotAllowed
from flows.core.settings import Root
from flows.core.verify import Access, check_after


def access_to(root: Root, *, user: str = "alice", **further: object) -> Access:
    return Access(user=user, groups={"lab"}, roots={"data": root}, **further)


@pytest.mark.parametrize(
    ("whose", "path"),
    [
        ({"everyone": True}, "data"),
        ({"users": {"alice"}}, "data"),
        ({"groups": {"lab"}}, "data"),
        ({}, "data/{user}"),
        ({"groups": {"lab"}}, "data/{user}"),
    ],
    ids=["everyone", "by name", "by group", "own folder", "own folder for a group"],
)
def test_a_user_may_import_from_a_root_of_theirs(tmp_path: Path, whose: dict[str, object], path: str) -> None:
    access = access_to(Root(path=tmp_path / path, **whose))

    permit = access.allowed(f"{tmp_path}/data/alice/cells.tif")

    assert (permit.root, permit.real_path) == ("data", f"{tmp_path}/data/alice/cells.tif")


@pytest.mark.parametrize(
    ("whose", "path"),
    [
        ({"users": {"bob"}}, "data"),
        ({"groups": {"another"}}, "data"),
        ({"groups": {"another"}}, "data/{user}"),
        ({"users": {"bob"}}, "data/{user}"),
    ],
    ids=["another user's", "another group's", "own folder in another group's", "own folder of named users"],
)
def test_a_user_may_not_import_from_a_root_of_others(tmp_path: Path, whose: dict[str, object], path: str) -> None:
    with pytest.raises(SourceNotAllowed):
        access_to(Root(path=tmp_path / path, **whose)).allowed(f"{tmp_path}/data/alice/cells.tif")


@pytest.mark.parametrize(
    "path", ["bob/cells.tif", "bob", "alice/../bob/cells.tif", "alicexyz/cells.tif", "", "../elsewhere/cells.tif"]
)
def test_what_lies_outside_is_refused(home: Path, access: Access, path: str) -> None:
    with pytest.raises(SourceNotAllowed):
        access.allowed(f"{home.parent}/{path}")


def test_a_link_is_judged_by_where_it_leads(home: Path, access: Access) -> None:
    (home / "out").symlink_to(home.parent / "bob")
    (home / "within").symlink_to(home / "2026")

    assert access.allowed(f"{home}/within/cells.tif").real_path == f"{home}/2026/cells.tif"
    with pytest.raises(SourceNotAllowed):
        access.allowed(f"{home}/out/cells.tif")


def test_a_refusal_does_not_say_whether_the_file_exists(home: Path, access: Access) -> None:
    (home.parent / "bob" / "there.tif").touch()
    (home / "to-there").symlink_to(home.parent / "bob" / "there.tif")
    (home / "to-nothing").symlink_to(home.parent / "bob" / "missing.tif")
    paths = [home.parent / "bob/there.tif", home.parent / "bob/missing.tif", home / "to-there", home / "to-nothing"]
    refusals = []

    for path in paths:
        with pytest.raises(SourceNotAllowed) as refused:
            access.allowed(str(path))
        refusals.append((refused.value.code, refused.value.what, refused.value.advice))

    assert len(set(refusals)) == 1


def test_a_root_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "mounted")

    permit = access_to(Root(path=tmp_path / "data", everyone=True)).allowed(f"{tmp_path}/data/cells.tif")

    assert permit.real_path == f"{tmp_path}/mounted/cells.tif"


@pytest.mark.parametrize("user", ["..", ".", "", "../bob", "alice/x", "a\0b"])
def test_a_login_name_cannot_lead_elsewhere(tmp_path: Path, user: str) -> None:
    access = access_to(Root(path=tmp_path / "home" / "{user}"), user=user)

    for path in ("home/bob/cells.tif", "home/cells.tif", "cells.tif", "home/alice/x/cells.tif"):
        with pytest.raises(SourceNotAllowed):
            access.allowed(f"{tmp_path}/{path}")


def test_the_deepest_root_decides(tmp_path: Path) -> None:
    roots = {"all": Root(path=tmp_path, everyone=True), "secret": Root(path=tmp_path / "secret", users={"bob"})}

    alice = Access(user="alice", groups=(), roots=roots)
    bob = Access(user="bob", groups=(), roots=roots)

    assert alice.allowed(f"{tmp_path}/cells.tif").root == "all"
    assert bob.allowed(f"{tmp_path}/secret/cells.tif").root == "secret"
    with pytest.raises(SourceNotAllowed):
        alice.allowed(f"{tmp_path}/secret/cells.tif")


@pytest.mark.parametrize(
    ("only", "may"), [({"data"}, True), ({"*"}, True), (None, True), ({"other"}, False), (set(), False)]
)
def test_a_token_is_bound_to_its_roots(tmp_path: Path, only: set[str] | None, may: bool) -> None:
    access = access_to(Root(path=tmp_path, everyone=True), only_roots=only)

    if may:
        assert access.allowed(f"{tmp_path}/cells.tif").root == "data"
    else:
        with pytest.raises(SourceNotAllowed):
            access.allowed(f"{tmp_path}/cells.tif")


ALL_OF_IT = {"keep", "move", "delete"}


@pytest.mark.parametrize(
    ("after", "what", "may"),
    [
        ({"keep"}, "move", False),
        ({"move"}, "move", True),
        ({"move"}, "delete", False),
        ({"delete"}, "delete", True),
        ({"delete"}, "move", False),
    ],
)
def test_a_root_says_what_may_be_done_with_its_files(tmp_path: Path, after: set[str], what: str, may: bool) -> None:
    roots = {"data": Root(path=tmp_path, users={"bob"}, after=after)}

    if may:
        check_after(roots, "alice", f"{tmp_path}/cells.tif", what)
    else:
        with pytest.raises(SourceNotAllowed, match="data"):
            check_after(roots, "alice", f"{tmp_path}/cells.tif", what)


def test_the_deepest_root_says_what_may_be_done(tmp_path: Path) -> None:
    roots = {
        "all": Root(path=tmp_path, everyone=True, after=ALL_OF_IT),
        "own": Root(path=tmp_path / "{user}", after={"keep"}),
    }

    check_after(roots, "alice", f"{tmp_path}/cells.tif", "delete")
    check_after(roots, "alice", f"{tmp_path}/bob/cells.tif", "delete")
    with pytest.raises(SourceNotAllowed, match="own"):
        check_after(roots, "alice", f"{tmp_path}/alice/cells.tif", "delete")


def test_of_two_roots_at_one_place_each_has_to_allow_it(tmp_path: Path) -> None:
    roots = {
        "one": Root(path=tmp_path, users={"alice"}, after=ALL_OF_IT),
        "other": Root(path=tmp_path, users={"bob"}, after={"keep"}),
    }

    with pytest.raises(SourceNotAllowed, match="root other"):
        check_after(roots, "alice", f"{tmp_path}/cells.tif", "move")


def test_below_no_root_nothing_may_be_done(tmp_path: Path) -> None:
    roots = {"data": Root(path=tmp_path / "data", everyone=True, after=ALL_OF_IT)}

    with pytest.raises(SourceNotAllowed, match="no root"):
        check_after(roots, "alice", f"{tmp_path}/data2/cells.tif", "move")
