"""Sources as clients name them: mapped at the door, told as they were said, and sent to the worker that sees them."""

import hashlib

import numpy as np
import pytest
import tifffile

from tests.support.api import TOKEN, bearer

ACCOUNT = {"user": "courier-service", "password": "unused"}


@pytest.fixture
def mapped(door_with, data):
    """The interface with a share that everybody sees, and a microscope with a worker of its own."""
    return door_with(
        servers={"main": {"host": "omero.invalid", "service_account": ACCOUNT}},
        roots={
            "home": {"path": str(data / "{user}")},
            "scope": {"path": "/acquired/{user}", "station": "scope"},
            "bench": {"path": "/acquired/{user}", "station": "bench"},
        },
        mounts={
            "nas": {"client": "\\\\nas\\data", "worker": str(data)},
            "scope": {"client": "D:\\", "worker": "/acquired", "workstations": ["scope"], "station": "scope"},
            "macs": {"client": "smb://nas/data", "worker": str(data)},
            "office": {"client": "D:\\", "worker": str(data), "workstations": ["office"]},
        },
        workstations={"office": {"addresses": ["198.51.100.0/24"]}},
        http={
            "tokens": {
                "scope": {
                    "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
                    "users": ["alice"],
                    "workstation": "scope",
                }
            }
        },
    )


def runs(door) -> list[tuple[str | None, str | None]]:
    return [(run.station, run.request.get("workstation")) for run in door.runs.kept.values()]


def test_a_path_of_windows_is_looked_at_where_the_share_is(mapped) -> None:
    mapped.image()

    answer = mapped.ask("\\\\NAS\\Data\\alice\\cells.tif")

    assert (answer.status_code, answer.json()["checked"]) == (202, "now")
    assert runs(mapped) == [(None, None)]


@pytest.mark.parametrize("source", ["smb://NAS/data/alice/50%25 %231.tif", "smb://nas/data/alice"])
def test_a_uri_that_a_rule_maps_is_looked_at_where_the_share_is(mapped, source) -> None:
    mapped.image(name="50% #1.tif")

    answer = mapped.ask(source)

    assert (answer.status_code, answer.json()["checked"]) == (202, "now")


def test_what_was_said_stands_in_the_answers(mapped) -> None:
    mapped.image()
    said = "\\\\nas\\data\\alice\\cells.tif"
    number = mapped.ask(said).json()["id"]

    assert mapped.get(f"/v1/imports/{number}").json()["sources"] == [said]


def test_a_preview_tells_files_by_the_names_that_the_client_knows(mapped, data) -> None:
    tifffile.imwrite(data / "alice" / "good.tif", np.zeros((64, 64), "uint8"))
    (data / "alice" / "torn.tif").write_bytes((data / "alice" / "good.tif").read_bytes()[:500])
    sent = {"sources": ["file://nas/data/alice"]}

    told = mapped.client.post("/v1/imports/preview", json=sent, headers=bearer("alice"))

    assert [each["files"] for each in told.json()["filesets"]] == [["//nas/data/alice/good.tif"]]
    assert [each["which"] for each in told.json()["refused"]] == ["//nas/data/alice/torn.tif"]
    assert str(data) not in told.text


@pytest.mark.parametrize(
    ("source", "refused", "which"),
    [
        ("\\\\nas\\data\\bob\\cells.tif", (403, "source-not-allowed"), "//nas/data/bob/cells.tif"),
        ("\\\\nas\\data", (403, "source-not-allowed"), "//nas/data"),
        ("\\\\nas\\data\\alice\\nothing.tif", (422, "source-missing"), "//nas/data/alice/nothing.tif"),
        ("\\\\nas\\other\\cells.tif", (422, "source-unmapped"), "//nas/other/cells.tif"),
        ("E:\\cells.tif", (422, "source-unmapped"), "E:/cells.tif"),
        ("smb://nas/data/bob/cells.tif", (403, "source-not-allowed"), "smb://nas/data/bob/cells.tif"),
        ("smb://nas/other/cells.tif", (403, "source-not-allowed"), "smb://nas/other/cells.tif"),
        ("sftp://host/cells.tif", (403, "source-not-allowed"), "sftp://host/cells.tif"),
        ("D:\\alice\\cells.tif", (422, "source-unmapped"), "D:/alice/cells.tif"),
    ],
)
def test_what_cannot_be_imported_is_told_as_it_was_said(mapped, data, source, refused, which) -> None:
    for user in ("alice", "bob"):
        mapped.image(user)

    answer = mapped.ask(source)

    [error] = answer.json()["errors"]
    assert ((answer.status_code, error["code"]), error["which"]) == (refused, which)
    assert error["field"] == "body.sources.0"
    assert str(data) not in answer.text


def test_a_drive_is_that_of_the_workstation_that_is_named(mapped) -> None:
    mapped.image()

    assert mapped.ask("D:\\alice\\cells.tif", workstation="office").json()["checked"] == "now"
    assert mapped.ask("D:\\alice\\cells.tif", workstation="scope").json()["checked"] == "later"
    assert runs(mapped) == [(None, "office"), ("scope", "scope")]


@pytest.mark.parametrize(("proxies", "answered"), [(["127.0.0.1"], 202), ([], 422)], ids=["a proxy", "anybody"])
def test_a_drive_is_that_of_the_workstation_that_a_proxy_says_the_request_is_from(
    door_with, data, proxies, answered
) -> None:
    door = door_with(
        mounts={"office": {"client": "D:\\", "worker": str(data), "workstations": ["office"]}},
        workstations={"office": {"addresses": ["198.51.100.0/24"]}},
        http={"proxies": proxies},
    )
    door.image()

    answer = door.ask("D:\\alice\\cells.tif", headers={"X-Forwarded-For": "198.51.100.7"})

    assert answer.status_code == answered


def test_a_token_speaks_for_its_workstation_and_no_other(mapped) -> None:
    assert mapped.ask("D:\\alice\\cells.tif", as_=TOKEN).status_code == 202
    assert runs(mapped) == [("scope", "scope")]

    refused = mapped.ask("D:\\alice\\cells.tif", as_=TOKEN, workstation="office")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:omero-courier:other-workstation")


def test_an_unknown_workstation_is_told_which_there_are(mapped) -> None:
    refused = mapped.ask(workstation="scoop")

    assert refused.status_code == 422
    assert "bench, office, scope" in refused.json()["detail"]


def test_a_path_of_a_workstation_is_judged_by_its_own_roots(mapped) -> None:
    assert mapped.ask("D:\\bob\\cells.tif", workstation="scope").status_code == 403
    assert mapped.ask("/acquired/alice/cells.tif", workstation="bench").status_code == 202
    assert runs(mapped) == [("bench", "bench")]


def test_what_no_worker_sees_as_a_whole_is_refused(mapped) -> None:
    here = mapped.image()

    refused = mapped.ask(here, "D:\\alice\\cells.tif", workstation="scope")

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:omero-courier:several-stations")
    assert "the workstation scope" in refused.json()["detail"]


def test_places_in_line_are_counted_for_each_workstation(mapped) -> None:
    for _ in range(3):
        mapped.ask(mapped.image())
    positions = [mapped.ask("D:\\alice\\c.tif", workstation="scope").json()["position"] for _ in range(2)]

    assert positions == [0, 1]
    assert [run.held for run in mapped.runs.kept.values()] == [False, False, True, False, False]


def test_who_waits_hears_that_the_workstation_is_off(mapped, monkeypatch) -> None:
    monkeypatch.setattr("api.waiting_room.SECONDS", 0.0)
    number = mapped.ask("D:\\alice\\cells.tif", workstation="scope").json()["id"]

    off = mapped.get(f"/v1/imports/{number}").json()["reason"]
    mapped.runs.served.add("scope")
    on = mapped.get(f"/v1/imports/{number}").json()["reason"]

    assert off == "It waits for the worker of the workstation scope, which takes no imports just now."
    assert on is None or "scope" not in on
