"""What cannot be carried out is refused at once, with the field, the reason and what to do, as RFC 9457 has it."""

import json
import os
from pathlib import Path

import pytest

from tests.support.api import PASSWORD, bearer

JSON = {"Content-Type": "application/json"}
LIMIT = 256 * 1024


def problem(answer, status):
    """Check that an answer is a problem document of this status, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], bool(told["title"]), bool(told["detail"])) == (status, True, True)
    return told


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"{sources: 1}", 400, "not-json", id="not JSON"),
        pytest.param(b'{"sources": ["/a\xff"]}', 400, "not-json", id="not UTF-8"),
        pytest.param(b"[" * 100_000, 400, "not-json", id="nested without end"),
        pytest.param(b"", 415, "not-json", id="nothing"),
        pytest.param(b"[]", 422, "invalid-request", id="no object"),
        pytest.param(b"{}", 422, "invalid-request", id="no fields"),
    ],
)
def test_what_is_no_request_is_refused(bare_door, body, status, code) -> None:
    headers = {**bearer("alice"), **(JSON if body else {})}
    told = problem(bare_door.client.post("/v1/imports", content=body, headers=headers), status)

    assert told["type"] == f"urn:omero-courier:{code}"


def test_a_form_is_told_to_be_json(bare_door) -> None:
    told = problem(bare_door.client.post("/v1/imports", data={"sources": "/a"}, headers=bearer("alice")), 415)

    assert "application/json" in told["detail"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"source": "/a"}, "body.source", id="unknown field"),
        pytest.param({"sources": []}, "body.sources", id="no sources"),
        pytest.param({"sources": "/a"}, "body.sources", id="sources that are no list"),
        pytest.param({"sources": ["a.tif"]}, "body.sources.0", id="relative path"),
        pytest.param({"sources": ["/a", "sftp://b:c@d/a"]}, "body.sources.1", id="URI with a password"),
        pytest.param({"sources": ["/a/../b"]}, "body.sources.0", id="path that goes up"),
        pytest.param({"workstation": "Scope 1"}, "body.workstation", id="no name of a workstation"),
        pytest.param({"sources": ["/a\0b"]}, "body.sources.0", id="NUL in a path"),
        pytest.param({"target": "Dataset"}, "body.target", id="bad target syntax"),
        pytest.param({"target": "Image:id:5"}, "body.target", id="target of another kind"),
        pytest.param({"notify": ["https://hooks.example/x"]}, "body.notify.0", id="URL to notify"),
        pytest.param({"notify": ["mailto:alice@example.org"]}, "body.notify.0", id="mail URL to notify"),
        pytest.param({"staging": "yes"}, "body.staging", id="unknown way of staging"),
        pytest.param({"not_before": "2026-11-23T10:00:00"}, "body.not_before", id="time without a zone"),
        pytest.param({"not_before": "9999-12-31T23:59:59.999999Z"}, "body.not_before", id="time too far away"),
        pytest.param({"key_values": {"__prefect_kind": "jinja"}}, "body.key_values", id="template for Prefect"),
        pytest.param({"description": "a\0b"}, "body", id="NUL in a text"),
        pytest.param({"key_values": {"a\0": "b"}}, "body", id="NUL in a key"),
        pytest.param({"server": "Main!"}, "body.server", id="no name of a server"),
    ],
)
def test_the_wrong_field_is_named(bare_door, wrong, field) -> None:
    answer = bare_door.client.post("/v1/imports", json={"sources": ["/a"], **wrong}, headers=bearer("alice"))

    told = problem(answer, 422)
    assert field in {error.get("field") for error in told["errors"]}
    assert field in told["detail"]


def test_a_text_that_is_no_unicode_is_refused(bare_door) -> None:
    body = b'{"sources": ["/a"], "name": "\\ud800"}'

    problem(bare_door.client.post("/v1/imports", content=body, headers={**bearer("alice"), **JSON}), 422)


def test_an_unknown_server_is_told_which_there_are(bare_door) -> None:
    told = problem(bare_door.ask(server="mian"), 422)

    assert told["detail"] == "body.server: 'mian' is none of the OMERO servers: main."


@pytest.mark.parametrize("as_chunks", [False, True], ids=["announced", "in chunks"])
def test_a_request_above_the_limit_is_refused(bare_door, as_chunks) -> None:
    body = json.dumps({"sources": ["/a"], "description": "x" * LIMIT}).encode()
    sent = iter([body[:1000], body[1000:]]) if as_chunks else body

    told = problem(bare_door.client.post("/v1/imports", content=sent, headers={**bearer("alice"), **JSON}), 413)

    assert "262144" in told["detail"]


def test_a_request_at_the_limit_is_read(bare_door) -> None:
    body = json.dumps({"sources": ["/a"], "nothing": ""}).encode()
    padded = body[:-2] + b"x" * (LIMIT - len(body)) + b'"}'

    answer = bare_door.client.post("/v1/imports", content=padded, headers={**bearer("alice"), **JSON})

    assert [error["field"] for error in problem(answer, 422)["errors"]] == ["body.nothing"]


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        pytest.param("{data}/bob/cells.tif", 403, "source-not-allowed", id="another user's file"),
        pytest.param("{data}/bob/nothing.tif", 403, "source-not-allowed", id="another user's missing file"),
        pytest.param("{data}/alice/link.tif", 403, "source-not-allowed", id="link to another user's file"),
        pytest.param("{data}/alice/elsewhere/cells.tif", 403, "source-not-allowed", id="through a link to a folder"),
        pytest.param("{data}", 403, "source-not-allowed", id="the folder above"),
        pytest.param("/etc/passwd", 403, "source-not-allowed", id="outside of all roots"),
        pytest.param("{data}/alice/nothing.tif", 422, "source-missing", id="missing file"),
        pytest.param("{data}/alice/empty.tif", 422, "source-empty", id="empty file"),
        pytest.param("{data}/alice/notes", 422, "nothing-importable", id="folder with nothing importable"),
        pytest.param("{data}/alice/notes/notes.txt", 422, "nothing-importable", id="file that is no image"),
    ],
)
def test_a_source_that_cannot_be_imported_is_named_with_the_reason(door, source, status, code) -> None:
    furnish(door)
    named = source.format(data=door.data)

    told = problem(door.ask(door.image(), named), status)

    assert told["type"] == f"urn:omero-courier:{code}"
    assert [(error["field"], error["which"]) for error in told["errors"]] == [("body.sources.1", named)]
    assert told["advice"]
    assert not door.runs.kept


def furnish(door) -> None:
    """Put into the users' folders what the table above speaks of."""
    mine, others = door.data / "alice", door.image("bob")
    (mine / "link.tif").symlink_to(others)
    (mine / "elsewhere").symlink_to(door.data / "bob")
    (mine / "empty.tif").touch()
    (mine / "notes").mkdir()
    (mine / "notes" / "notes.txt").write_text("not an image")


def test_the_answer_does_not_say_whether_somebody_elses_file_exists(door) -> None:
    there, missing = door.image("bob", "there.tif"), str(door.data / "bob" / "other.tif")

    first, second = door.ask(there), door.ask(missing)

    assert first.text.replace(there, "X") == second.text.replace(missing, "X")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(door) -> None:
    source = door.image()
    Path(source).chmod(0)

    assert problem(door.ask(source), 422)["type"] == "urn:omero-courier:source-unreadable"


def test_sources_that_this_machine_does_not_have_are_left_to_the_one_that_imports(door_with, tmp_path) -> None:
    door = door_with(roots={"scope": {"path": str(tmp_path / "not mounted here" / "{user}")}})

    answer = door.ask(str(tmp_path / "not mounted here" / "alice" / "cells.tif"))

    assert answer.status_code == 202
    assert answer.json()["checked"] == "later"
    assert "checks them first" in answer.json()["notes"][0]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param({}, "not-authenticated", id="nobody"),
        pytest.param({"Authorization": "Basic YWxpY2U6eA=="}, "not-authenticated", id="user and password"),
        pytest.param({"Authorization": "Bearer no such key!"}, "seal-broken", id="neither handle, key nor token"),
        pytest.param({"Authorization": "Bearer stranger-session"}, "login-refused", id="session that has ended"),
        pytest.param({"Authorization": "Bearer \xfc"}, "seal-broken", id="no ASCII"),
    ],
)
def test_who_is_not_proved_is_refused(bare_door, header, code) -> None:
    sent = {name: value.encode("latin-1") for name, value in header.items()}
    answer = bare_door.client.post("/v1/imports", json={"sources": ["/a"]}, headers=sent)

    assert problem(answer, 401)["type"] == f"urn:omero-courier:{code}"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/v2/imports", 404, id="unknown path"),
        pytest.param("DELETE", "/v1/imports", 405, id="method that is not offered"),
        pytest.param("GET", "/v1/imports?limit=1000", 422, id="page too long"),
        pytest.param("GET", "/v1/imports?state=done", 422, id="unknown state"),
        pytest.param("GET", "/v1/imports?cursor=x", 422, id="no cursor"),
        pytest.param("GET", "/v1/imports?server=other", 422, id="unknown server"),
        pytest.param("GET", "/v1/imports/0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f", 404, id="unknown id"),
        pytest.param("GET", "/v1/imports/17", 404, id="no id"),
        pytest.param("POST", "/v1/imports/17/cancel", 404, id="nothing to stop"),
        pytest.param("GET", "/v1/imports/17/log", 404, id="no log"),
    ],
)
def test_whatever_else_is_wrong_is_a_problem_document_too(bare_door, method, path, status) -> None:
    problem(bare_door.client.request(method, path, headers=bearer("alice")), status)


def test_a_fault_of_our_own_shows_nothing_of_the_inside(door) -> None:
    door.runs.away = RuntimeError("the secret inside")

    answer = door.ask()

    told = problem(answer, 500)
    assert told["type"] == "urn:omero-courier:internal-error"
    assert "secret" not in answer.text


def test_no_answer_repeats_a_password(bare_door) -> None:
    wrong = {"user": "alice", "password": PASSWORD * 100, "server": PASSWORD}
    answer = bare_door.client.post("/v1/sessions", json=wrong)

    problem(answer, 422)
    assert PASSWORD not in answer.text
