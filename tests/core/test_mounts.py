"""What clients name is found where the workers see it, by the rule with the longest prefix, and nowhere else."""

from pathlib import PurePosixPath
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from flows.core.errors import RequestError, SourceSyntax, SourceUnmapped
from flows.core.mounts import Mounts, check_workstation, missing_folders, workstation_at
from flows.core.settings import Mount, OmeroServer, Root, Settings, Workstation
from flows.core.sources import Source

KEY = Fernet.generate_key().decode()


def settings(**more: Any) -> Settings:
    return Settings(servers={"main": OmeroServer(host="omero.example.org")}, seal_keys=(KEY,), **more)


def seen(text: str, rules: dict[str, str], **more: Any) -> str:
    mounts = {f"rule{number}": Mount(client=each, worker=rules[each], **more) for number, each in enumerate(rules)}
    return Mounts.of(mounts).seen(Source.parse(text)).path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("C:\\Data\\Alice\\x.lif", "/mnt/pc/Alice/x.lif"),
        ("c:/DATA/Alice/x.lif", "/mnt/pc/Alice/x.lif"),
        ("C:\\Data", "/mnt/pc"),
        ("C:\\data\\Big\\x.lif", "/mnt/big/x.lif"),
        ("\\\\NAS\\data\\x.lif", "/mnt/nas/x.lif"),
        ("file://nas/data/a%20b.lif", "/mnt/nas/a b.lif"),
        ("file://host1/data/x.lif", "/mnt/d1/x.lif"),
        ("/Volumes/data/x.lif", "/mnt/nas/x.lif"),
        ("/Volumes/database/x.lif", "/Volumes/database/x.lif"),
        ("/data/x.lif", "/data/x.lif"),
        ("smb://nas/data/x.lif", "/mnt/nas/x.lif"),
    ],
)
def test_the_longest_prefix_says_where_it_is(text: str, path: str) -> None:
    rules = {
        "C:\\Data": "/mnt/pc",
        "C:\\Data\\big": "/mnt/big",
        "\\\\nas\\data": "/mnt/nas",
        "file://host1/data": "/mnt/d1",
        "/Volumes/data": "/mnt/nas",
        "smb://nas/data": "/mnt/nas/",
    }

    assert seen(text, rules) == path


@pytest.mark.parametrize(
    "text", ["C:\\Database\\x.lif", "D:\\Data\\x.lif", "\\\\nas\\data\\x.lif", "file://host1/Data/x.lif", "C:\\"]
)
def test_what_no_rule_maps_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(SourceUnmapped) as refused:
        seen(text, {"C:\\Data": "/mnt/pc", "file://host1/data": "/mnt/d1"})

    assert refused.value.which == Source.parse(text).client_path
    assert "operator" in refused.value.advice


def test_what_is_remote_says_that_nothing_is_configured() -> None:
    with pytest.raises(SourceUnmapped, match="Nothing is configured here for sftp://host:2222"):
        seen("sftp://host:2222/data/x.lif", {})


def test_a_whole_drive_may_be_mapped() -> None:
    assert seen("D:\\x.lif", {"d:": "/mnt/d"}) == "/mnt/d/x.lif"


def test_what_a_workstation_says_is_read_by_its_own_rules() -> None:
    mounts = {
        "all": Mount(client="C:\\Data", worker="/mnt/office"),
        "scope": Mount(client="C:\\Data", worker="/mnt/scope", workstations={"scope"}),
        "other": Mount(client="C:\\", worker="/mnt/other", workstations={"other"}),
    }
    source = Source.parse("C:\\Data\\x.lif")

    assert Mounts.of(mounts).seen(source).path == "/mnt/office/x.lif"
    assert Mounts.of(mounts, "scope").seen(source).path == "/mnt/scope/x.lif"
    assert Mounts.of(mounts, "other").seen(source).path == "/mnt/office/x.lif"
    assert Mounts.of(mounts, "other").seen(Source.parse("C:\\x.lif")).path == "/mnt/other/x.lif"


def test_who_does_not_name_the_workstation_is_told_that_it_counts() -> None:
    mounts = Mounts.of({"scope": Mount(client="C:\\Data", worker="/mnt/scope", workstations={"scope"})})

    with pytest.raises(SourceUnmapped, match="depends on the workstation") as refused:
        mounts.seen(Source.parse("C:\\Data\\x.lif"))

    assert "scope" in refused.value.advice


@pytest.mark.parametrize(
    ("first", "second", "more"),
    [
        ("C:\\Data", "c:/DATA/", {}),
        ("\\\\nas\\data", "file://NAS/Data", {}),
        ("/mnt/a", "file:///mnt/a", {}),
        ("C:\\Data", "C:\\Data", {"workstations": {"scope"}}),
    ],
)
def test_two_rules_for_one_folder_are_refused(first: str, second: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"mounts\.b: .* is mapped by mounts\.a already"):
        settings(
            mounts={"a": {"client": first, "worker": "/a", **more}, "b": {"client": second, "worker": "/b", **more}}
        )


@pytest.mark.parametrize(
    ("mount", "told"),
    [
        ({"client": "Data", "worker": "/mnt/a"}, "no absolute path"),
        ({"client": "sftp://alice:s3cret@host/", "worker": "/mnt/a"}, "password"),
        ({"client": "C:\\Data", "worker": "mnt/a"}, "is not absolute"),
        ({"client": "C:\\Data", "worker": "/mnt/../etc"}, "goes up"),
        ({"client": "C:\\Data", "worker": "/mnt", "station": "Scope 1"}, "should match"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_at_the_start(mount: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        settings(mounts={"a": mount})

    assert "s3cret" not in str(refused.value)


def test_a_folder_that_is_not_there_is_told_at_the_start() -> None:
    made = settings(
        mounts={
            "here": {"client": "C:\\Here", "worker": "/"},
            "away": {"client": "C:\\Away", "worker": "/nothing/of/that/name"},
            "elsewhere": {"client": "C:\\Else", "worker": "/nothing/of/that/name", "station": "scope"},
        }
    )

    [told] = missing_folders(made)
    assert told.startswith("mounts.away: /nothing/of/that/name is not there on this machine")


def test_a_machine_is_one_that_something_lies_on() -> None:
    root = Root(path="/data", everyone=True, station="scope")

    assert settings(roots={"scope": root}, station="scope").station == "scope"
    with pytest.raises(ValidationError, match="no root and no mount is said to be on 'scoop'"):
        settings(roots={"scope": root}, station="scoop")


def test_an_unknown_workstation_is_told_which_there_are() -> None:
    made = settings(
        mounts={"a": Mount(client="C:\\", worker="/mnt", workstations={"one"})},
        roots={"b": Root(path="/data", everyone=True, station="two")},
        workstations={"three": Workstation()},
    )

    for known in (None, "one", "two", "three"):
        check_workstation(made, known)
    with pytest.raises(RequestError, match=r"'four' is no workstation .* there are one, three, two"):
        check_workstation(made, "four")


@pytest.mark.parametrize(
    ("address", "workstation"),
    [
        ("192.0.2.7", "scope"),
        ("192.0.2.8", "lab"),
        ("2001:db8::7", "scope"),
        ("198.51.100.1", None),
        ("unknown", None),
    ],
)
def test_a_workstation_is_known_by_its_address(address: str, workstation: str | None) -> None:
    made = settings(
        workstations={
            "lab": Workstation(addresses=("192.0.2.0/24",)),
            "scope": Workstation(addresses=("192.0.2.7", "2001:db8::7")),
        }
    )

    assert workstation_at(made, address) == workstation


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="no address or network"):
        Workstation(addresses=("scope.example.org",))


TAILS = some.text(some.sampled_from("aA.. /\\%2eFf-é"), max_size=40)
STARTS = some.sampled_from(["C:\\Data\\", "c:/data/sub/", "\\\\nas\\Data\\", "//NAS/data/", "file://nas/data/", "/v/"])


@given(STARTS, TAILS)
def test_nothing_leads_out_of_the_folder_of_its_rule(start: str, tail: str) -> None:
    rules = {"C:\\Data": "/mnt/pc", "\\\\nas\\data": "/mnt/nas", "/v": "/mnt/v"}
    try:
        path = seen(start + tail, rules)
    except SourceSyntax:
        return

    assert ".." not in path.split("/")
    assert any(PurePosixPath(path).is_relative_to(folder) for folder in rules.values())
    assert path == str(PurePosixPath(path))


@given(some.lists(some.sampled_from(["a", "b", "A"]), min_size=1, max_size=4), some.data())
def test_a_longer_prefix_always_wins_and_what_follows_keeps_its_capitals(
    parts: list[str], data: some.DataObject
) -> None:
    lengths = data.draw(some.sets(some.integers(0, len(parts)), min_size=1))
    rules = {"C:\\" + "\\".join(parts[:length]): f"/mnt/{length}" for length in lengths}
    longest = max(lengths)

    assert seen("c:\\" + "\\".join(parts), rules) == "/".join((f"/mnt/{longest}", *parts[longest:]))
