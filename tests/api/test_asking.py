"""POST /v1/imports: what is accepted, and what becomes of it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from flows.core.requests import ImportRequest
from tests.support.api import TOKEN, WIDE_TOKEN, bearer


def test_an_import_is_accepted_and_says_where_to_follow_it(door) -> None:
    answer = door.ask(target="Dataset:name:Cells")

    told = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == told["links"]["status"] == f"/v1/imports/{told['id']}"
    assert told["links"]["ui"] == f"http://127.0.0.1:4200/runs/flow-run/{told['id']}"
    assert (told["state"], told["user"], told["group"], told["checked"]) == ("scheduled", "alice", "lab", "now")


def test_the_run_gets_the_request_with_the_group_pinned_and_nothing_that_was_left_out(door) -> None:
    source = door.image()
    door.ask(source, group="clinic", key_values={"Cell line": "HeLa"})

    [run] = door.runs.kept.values()
    expected = {"sources": [source], "group": "clinic", "key_values": {"Cell line": "HeLa"}, "on_behalf_of": "alice"}
    assert run.request == expected
    assert ImportRequest.model_validate(run.request).title == run.name


def test_each_import_says_how_many_wait_before_it(door) -> None:
    assert [door.ask().json()["position"] for _ in range(3)] == [0, 1, 2]


def test_an_import_for_later_waits_until_then(door) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    door.ask(not_before=later.isoformat())

    [run] = door.runs.kept.values()
    assert timedelta(0) <= run.due - later < timedelta(seconds=1)


def test_a_time_that_has_passed_means_now(door) -> None:
    door.ask(not_before="2020-01-01T00:00:00Z")

    [run] = door.runs.kept.values()
    assert datetime.now(UTC) - run.due < timedelta(minutes=1)


def test_a_repeated_request_with_the_same_key_makes_no_second_import(door) -> None:
    source = door.image()
    first, second = (door.ask(source, headers={"Idempotency-Key": "shot-17"}) for _ in range(2))

    assert first.json()["id"] == second.json()["id"]
    assert (first.status_code, second.status_code) == (202, 202)
    assert len(door.runs.kept) == 1


def test_the_same_key_for_another_request_is_refused(door) -> None:
    door.ask(headers={"Idempotency-Key": "shot-17"})
    answer = door.ask(target="Dataset:name:Other", headers={"Idempotency-Key": "shot-17"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:omero-courier:key-reused"


def test_two_users_may_choose_the_same_key(door) -> None:
    ids = {
        door.ask(door.image(user), as_=user, headers={"Idempotency-Key": "shot-17"}).json()["id"]
        for user in ("alice", "bob")
    }

    assert len(ids) == 2


def test_a_machine_imports_for_the_user_that_its_token_is_bound_to(door) -> None:
    answer = door.ask(as_=TOKEN)

    assert answer.status_code == 202
    assert answer.json()["user"] == "alice"


def test_an_administrator_may_import_for_somebody_from_that_users_folders(door) -> None:
    answer = door.ask(door.image("bob"), as_="root", on_behalf_of="bob")

    assert answer.status_code == 202
    assert (answer.json()["user"], answer.json()["group"]) == ("bob", "lab")


@pytest.mark.parametrize(
    ("who", "on_behalf_of", "status", "code"),
    [
        pytest.param("alice", "bob", 403, "other-user", id="a user for another one"),
        pytest.param("light", "bob", 403, "other-user", id="an administrator who may not sudo"),
        pytest.param("root", "nobody", 422, "unknown-user", id="an administrator for nobody"),
        pytest.param(TOKEN, "bob", 403, "other-user", id="a token for a user it is not bound to"),
        pytest.param(WIDE_TOKEN, None, 422, "user-needed", id="a token for everybody, for nobody in particular"),
    ],
)
def test_whom_nobody_may_import_for(door, who, on_behalf_of, status, code) -> None:
    answer = door.ask(as_=who, on_behalf_of=on_behalf_of)

    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:omero-courier:{code}"
    assert "on_behalf_of" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("wish", "who"),
    [
        pytest.param({"target": "Dataset:id:66"}, "alice", id="a target of another user"),
        pytest.param({"target": "Dataset:id:66"}, TOKEN, id="a target of another user, by token"),
        pytest.param({"group": "system"}, "alice", id="a group of others"),
        pytest.param({"group": "system"}, TOKEN, id="a group of others, by token"),
    ],
)
def test_what_omero_forbids_is_refused_at_the_door(door, wish, who) -> None:
    assert door.ask(as_=who, **wish).status_code == 403


def test_a_token_reads_only_the_folders_that_it_is_bound_to(door_with, data) -> None:
    token = {"sha256": sha256(TOKEN.encode()).hexdigest(), "users": ["alice"], "roots": ["scope"]}
    roots = {"home": {"path": str(data / "{user}")}, "scope": {"path": str(data / "scope"), "everyone": True}}
    door = door_with(
        roots=roots, http={"tokens": {"microscope": {**token, "sha256": sha256(TOKEN.encode()).hexdigest()}}}
    )

    assert door.ask(door.image("scope"), as_=TOKEN).status_code == 202
    assert door.ask(door.image("alice"), as_=TOKEN).status_code == 403


def test_a_folder_of_a_group_is_open_to_its_members_by_session_and_by_token(door_with, data) -> None:
    roots = {"shared": {"path": str(data / "shared"), "groups": ["clinic"]}}
    door = door_with(roots=roots)
    source = door.image("shared")

    assert [door.ask(source, as_=who).status_code for who in ("alice", "bob", TOKEN)] == [202, 403, 202]


def test_too_many_waiting_imports_are_refused_with_a_time_to_come_back(door_with) -> None:
    door = door_with(http={"max_waiting": 2})
    answers = [door.ask() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_who_asked_for_what_is_written_down(door_with, tmp_path) -> None:
    trail = tmp_path / "audit.jsonl"
    door = door_with(audit={"file": str(trail)})
    import_id = door.ask().json()["id"]
    door.client.post(f"/v1/imports/{import_id}/cancel", headers=bearer("alice"))

    written = trail.read_text()
    assert written.count(import_id) == 2
    assert '"who":"user:alice"' in written
    assert "alice-session" not in written


def test_omeros_own_importer_is_refused_where_it_is_not_installed(door) -> None:
    answer = door.ask(importer="java")

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:omero-courier:importer-missing")
    assert "importer: native" in answer.json()["advice"]
    assert not door.runs.kept


def test_omeros_own_importer_only_uploads(door) -> None:
    answer = door.ask(importer="java", placement="cp")

    assert answer.status_code == 422
    assert "importer java uploads" in answer.json()["detail"]
