"""Following imports: lists, states, logs, and stopping them."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from api.runs import ImportState
from flows.core.control import Stage
from flows.core.errors import SourceBroken
from flows.core.requests import Failure, ImportedImage
from flows.core.status import FilesetStatus
from tests.support.api import TOKEN, WIDE_TOKEN, bearer

IMAGE = ImportedImage(id=7, name="cells.tif", size_x=1, size_y=1, size_z=1, size_c=1, size_t=1)
BROKEN = Failure.of(SourceBroken(which="/data/alice/torn.tif"))
STATUSES = (
    FilesetStatus(
        key="a",
        name="cells.tif",
        files=("/data/alice/cells.tif",),
        stage=Stage.DONE,
        bytes_done=100,
        bytes_total=100,
        attempts=1,
        fileset_id=3,
        images=(IMAGE,),
    ),
    FilesetStatus(
        key="b",
        name="torn.tif",
        files=("/data/alice/torn.tif",),
        stage=Stage.FAILED,
        bytes_total=50,
        failure=BROKEN,
    ),
    FilesetStatus(
        key="c", name="big.tif", files=("/data/alice/big.tif",), stage=Stage.UPLOAD, bytes_done=200, bytes_total=400
    ),
)


def ids(answer) -> list[str]:
    return [each["id"] for each in answer.json()["imports"]]


def test_people_see_their_own_imports_only_the_latest_first(door) -> None:
    mine = [door.ask().json()["id"] for _ in range(2)]
    others = door.ask(door.image("bob"), as_="bob").json()["id"]

    assert ids(door.get("/v1/imports")) == mine[::-1]
    assert ids(door.get("/v1/imports", user="bob")) == []
    assert ids(door.get("/v1/imports", as_="bob")) == [others]


@pytest.mark.parametrize("who", ["root", WIDE_TOKEN], ids=["an administrator", "a token for everybody"])
def test_who_may_see_all_can_ask_for_one_users_imports(door, who) -> None:
    mine, others = door.ask().json()["id"], door.ask(door.image("bob"), as_="bob").json()["id"]

    assert ids(door.get("/v1/imports", who)) == [others, mine]
    assert ids(door.get("/v1/imports", who, user="bob")) == [others]


def test_a_token_sees_the_imports_of_its_users(door) -> None:
    mine = door.ask().json()["id"]
    door.ask(door.image("bob"), as_="bob")

    assert ids(door.get("/v1/imports", TOKEN)) == [mine]


def test_pages_hold_each_import_once_though_new_ones_come_in_between(door) -> None:
    asked = [door.ask().json()["id"] for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        page = door.get("/v1/imports", limit=2, **({"cursor": cursor} if cursor else {}))
        seen, cursor = seen + ids(page), page.json()["next_cursor"]
        door.ask()

    assert seen == asked[::-1]
    assert cursor is None


def test_lists_are_filtered_by_state_and_time(door) -> None:
    first, second = (door.ask().json()["id"] for _ in range(2))
    door.runs.becomes(first, state=ImportState.FAILED, due=datetime.now(UTC) - timedelta(days=2))
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")

    assert ids(door.get("/v1/imports", state="failed")) == [first]
    assert ids(door.get("/v1/imports", since=yesterday)) == [second]


def test_an_import_tells_what_became_of_each_file(door) -> None:
    run = door.runs.becomes(door.ask().json()["id"], state=ImportState.RUNNING, started=datetime.now(UTC))
    door.runs.statuses[run.id] = STATUSES

    told = door.get(f"/v1/imports/{run.id}").json()
    assert told["stages"] == {"done": 1, "failed": 1, "upload": 1}
    assert told["filesets"][0]["images"] == [
        {"id": 7, "name": "cells.tif", "link": "https://web.example/webclient/?show=image-7"}
    ]
    assert told["filesets"][1]["error"]["code"] == "source-broken"
    assert told["filesets"][1]["error"]["advice"]
    assert (told["filesets"][2]["bytes_done"], told["filesets"][2]["bytes_total"]) == (200, 400)
    assert 150 < told["bytes_done"] < told["bytes_total"] == 550


@pytest.mark.parametrize(
    ("state", "stage", "code"),
    [(ImportState.FAILED, "failed", "process-lost"), (ImportState.CANCELLED, "cancelled", None)],
    ids=["failed", "cancelled"],
)
def test_of_an_import_that_is_over_no_file_seems_to_be_under_way(door, state, stage, code) -> None:
    run = door.runs.becomes(door.ask().json()["id"], state=state, message="Its process was lost 4 times.")
    door.runs.statuses[run.id] = STATUSES

    last = door.get(f"/v1/imports/{run.id}").json()["filesets"][2]

    assert (last["stage"], (last["error"] or {}).get("code")) == (stage, code)


@pytest.mark.parametrize(
    ("state", "message", "reason"),
    [
        pytest.param(ImportState.FAILED, "OMERO refused the login.", "OMERO refused the login.", id="failed"),
        pytest.param(ImportState.WAITING_TO_RETRY, "OMERO does not answer.", "OMERO does not answer.", id="waits"),
        pytest.param(ImportState.COMPLETED, "2 of 2 files", None, id="all is well"),
        pytest.param(ImportState.CANCELLED, "", None, id="nothing to say"),
    ],
)
def test_an_import_gives_the_reason_for_its_state(door, state, message, reason) -> None:
    run = door.runs.becomes(door.ask().json()["id"], state=state, message=message)

    told = door.get(f"/v1/imports/{run.id}").json()
    assert (told["state"], told["reason"]) == (state.value, reason)


def test_a_waiting_import_tells_its_position_and_a_started_one_has_none(door) -> None:
    first, second = (door.ask().json()["id"] for _ in range(2))
    assert door.get(f"/v1/imports/{second}").json()["position"] == 1

    door.runs.becomes(first, state=ImportState.RUNNING)

    assert door.get(f"/v1/imports/{first}").json()["position"] is None
    assert door.get(f"/v1/imports/{second}").json()["position"] == 0


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("GET", "/log"), ("POST", "/cancel")])
def test_somebody_elses_import_is_answered_as_one_that_does_not_exist(door, method, rest) -> None:
    others = door.ask(door.image("bob"), as_="bob").json()["id"]

    found, unknown = (
        door.client.request(method, f"/v1/imports/{each}{rest}", headers=bearer("alice"))
        for each in (others, "0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f")
    )
    assert (found.status_code, found.text, found.headers["Content-Type"]) == (
        unknown.status_code,
        unknown.text,
        unknown.headers["Content-Type"],
    )
    assert found.status_code == 404


def test_an_administrator_looks_at_anybodys_import(door) -> None:
    others = door.ask(door.image("bob"), as_="bob").json()["id"]

    assert door.get(f"/v1/imports/{others}", "root").json()["user"] == "bob"


def test_the_log_is_plain_text(door) -> None:
    run = door.runs.becomes(door.ask().json()["id"])
    door.runs.lines[run.id] = ["one\n", "two\n"]

    answer = door.get(f"/v1/imports/{run.id}/log")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == "one\ntwo\n"


def test_an_import_without_a_log_yet_has_an_empty_one(door) -> None:
    assert door.get(f"/v1/imports/{door.ask().json()['id']}/log").text == ""


def test_a_waiting_import_is_cancelled_once(door) -> None:
    import_id = door.ask().json()["id"]
    first, second = (door.client.post(f"/v1/imports/{import_id}/cancel", headers=bearer("alice")) for _ in range(2))

    assert (first.status_code, first.json()["state"]) == (202, "cancelled")
    assert (second.status_code, second.json()["type"]) == (409, "urn:omero-courier:already-over")


def test_a_session_that_ends_is_believed_for_a_moment_by_who_reads_and_not_by_who_acts(door) -> None:
    import_id = door.ask().json()["id"]
    door.get("/v1/imports")
    door.omero.end("main", SecretStr("alice-session"))

    assert door.get("/v1/imports").status_code == 200
    assert door.ask().status_code == 401
    assert door.client.post(f"/v1/imports/{import_id}/cancel", headers=bearer("alice")).status_code == 401
