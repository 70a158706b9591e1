"""A batch is taken as a whole or not at all, as its client's own imports, and its session ends after the last."""

import json

import pytest
from pydantic import SecretStr

from api.runs import EngineAway, ImportState
from flows.core.errors import OmeroUnavailable
from flows.core.names import session_tag
from flows.core.seal import CarriedSession, SessionToEnd, unseal
from tests.support.api import bearer

from .conftest import element_for, hands

JSON = "application/json;charset=UTF-8"
TAG = session_tag("alice-session")


def reason(answer) -> str:
    assert answer.headers["content-type"] == JSON
    return answer.json()["reason"]


def test_an_element_is_answered_with_where_to_look_and_what_it_meant(door, hand) -> None:
    image = door.image()
    answer = hand({"targetUri": image})

    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    [told] = answer.json()
    assert told["statusUri"].startswith("/ome/import/")
    assert told["targetUri"] == f"file://{image}"


def test_it_is_an_import_of_whose_session_it_is(door, hand) -> None:
    hand({"datasetId": "5", "name": "Control", "annotationIds": ["3"], "textAnnotations": [["ns", "text"]]})

    [run] = door.runs.kept.values()
    assert (run.server, run.user) == ("main", "alice")
    assert run.request == {
        "sources": [str(door.data / "alice" / "cells.tif")],
        "target": "Dataset:id:5",
        "group": "lab",
        "name": "Control",
        "annotation_ids": [3],
        "text_annotations": [{"namespace": "ns", "text": "text"}],
        "notify": ["alice@lab.example"],
        "on_behalf_of": "alice",
    }


@pytest.mark.parametrize("body", ["null", "[]", "[null]", "[null, null]"])
def test_nothing_asked_for_is_nothing_done(bare_door, body) -> None:
    answer = bare_door.client.post("/ome/import", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, [])


def test_null_elements_are_passed_over(door) -> None:
    answer = hands(door, None, element_for(door), None)

    assert len(answer.json()) == len(door.runs.kept) == 1


def test_elements_in_the_same_words_are_one_import_with_an_address_each(door, hand) -> None:
    one, two = door.image(name="1.tif"), door.image(name="2.tif")
    answer = hand({"targetUri": one}, {"targetUri": two}, {"targetUri": one})

    [run] = door.runs.kept.values()
    assert run.request["sources"] == [one, two]
    assert [each["targetUri"] for each in answer.json()] == [f"file://{each}" for each in (one, two, one)]
    assert len({each["statusUri"] for each in answer.json()}) == 2


def test_elements_in_other_words_are_imports_that_begin_together(door, hand) -> None:
    answer = hand({"name": "one"}, {"name": "two"})

    runs = list(door.runs.kept.values())
    assert len(answer.json()) == len(runs) == 2
    assert all((run.due - run.created).total_seconds() > 5 for run in runs)


def test_a_single_import_begins_at_once(door, hand) -> None:
    hand({})

    [run] = door.runs.kept.values()
    assert (run.due - run.created).total_seconds() < 1


def test_a_batch_that_is_sent_again_is_the_same_imports(door, hand) -> None:
    answers = [hand({"name": "one"}, {"name": "two"}).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(door.runs.kept) == 2


def test_one_bad_element_is_no_from_all(door) -> None:
    bad = element_for(door, targetUri="my/file", omeroPort="http")
    del bad["experimenterEmail"]
    answer = hands(door, element_for(door), None, bad)

    assert answer.status_code == 400
    assert [line[:22] for line in sorted(reason(answer).splitlines())] == [
        "3: experimenterEmail: ",
        "3: omeroPort: not a po",
        "3: targetUri: It is no",
    ]
    assert (door.runs.kept, door.runs.to_end) == ({}, {})


@pytest.mark.parametrize(
    ("special", "why"),
    [
        ({"omeroHost": "elsewhere"}, "2: omeroHost, omeroPort: elsewhere:4064 is none"),
        ({"sessionKey": "gone"}, "2: sessionKey: This OMERO session has ended"),
        ({"targetUri": "/etc/hostname"}, "2: targetUri: /etc/hostname: You may not import from this path."),
        ({"datasetId": "66"}, "2: "),
    ],
    ids=["another OMERO", "a session that has ended", "a path that is not theirs", "a dataset that is not theirs"],
)
def test_what_is_not_allowed_is_no_from_all(door, hand, special, why) -> None:
    answer = hand({}, special)

    assert answer.status_code == 400
    assert reason(answer).startswith(why)
    assert (door.runs.kept, door.runs.to_end) == ({}, {})


def test_the_reason_never_holds_the_key(door) -> None:
    answer = hands(door, element_for(door, sessionKey="a-key-to-keep" * 100, targetUri="x"))

    assert answer.status_code == 400
    assert "a-key-to-keep" not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [("", "application/json", 400), ("{", "application/json", 400), ("[]", "text/plain", 415), ("{}", None, 415)],
    ids=["no body", "no JSON", "said to be text", "said to be nothing"],
)
def test_what_is_no_batch_is_refused_with_a_reason(bare_door, content, kind, status) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = bare_door.client.post("/ome/import", content=content, headers=headers)

    assert (answer.status_code, bool(reason(answer))) == (status, True)


def test_a_batch_above_what_one_import_may_be_is_taken_in_imports_that_are_small_enough(door) -> None:
    folder = door.data / "alice"
    batch = [element_for(door, targetUri=f"{folder}/{number:04}-{'x' * 150}.tif") for number in range(1100)]
    door.image(name="cells.tif")
    for each in batch:
        door.image(name=each["targetUri"].rpartition("/")[2])

    answer = hands(door, *batch)

    assert len(json.dumps(batch)) > 256 * 1024
    assert [answer.status_code, len({each["statusUri"] for each in answer.json()})] == [200, 1100]
    assert max(len(json.dumps(run.request)) for run in door.runs.kept.values()) < 256 * 1024
    assert sum(len(run.request["sources"]) for run in door.runs.kept.values()) == 1100


def fails_at(door, number: int) -> None:
    """Let the engine go away when the run of this number is made."""
    create, made = door.runs.create, []

    async def counted(new):
        made.append(new)
        if len(made) == number:
            raise EngineAway
        return await create(new)

    door.runs.create = counted


def test_what_was_made_before_a_failure_is_taken_back(door, hand) -> None:
    fails_at(door, 3)
    answer = hand(*({"name": str(number)} for number in range(5)))

    assert (answer.status_code, bool(reason(answer)), answer.headers["retry-after"]) == (503, True, "10")
    assert (door.runs.kept, door.runs.to_end) == ({}, {})


def test_and_the_same_batch_is_taken_when_it_is_sent_again(door, hand) -> None:
    fails_at(door, 3)
    words = [{"name": str(number)} for number in range(5)]
    hand(*words)

    assert hand(*words).status_code == 200
    assert len(door.runs.kept) == 5
    assert list(door.runs.to_end) == [TAG]


def test_what_was_there_before_is_not_taken_back(door, hand) -> None:
    words = [{"name": str(number)} for number in range(2)]
    hand(*words)
    fails_at(door, 2)

    assert hand(*words).status_code == 503
    assert len(door.runs.kept) == 2
    assert list(door.runs.to_end) == [TAG]


@pytest.mark.parametrize("away", ["runs", "omero"])
def test_while_a_neighbour_is_away_it_is_no_and_says_when_to_come_back(door, hand, away) -> None:
    getattr(door, away).away = EngineAway() if away == "runs" else OmeroUnavailable("Nobody answers.")
    answer = hand({})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_when_too_many_wait_it_is_no_and_says_when_to_come_back(door_with) -> None:
    door = door_with(http={"max_waiting": 1})
    hands(door, element_for(door))
    answer = hands(door, element_for(door, name="another"))

    assert "1 imports wait" in reason(answer)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def test_the_session_is_noted_to_be_ended_and_found_by_its_runs(door, hand) -> None:
    hand({"name": "one"}, {"name": "two"})

    assert unseal(door.runs.to_end[TAG], SessionToEnd, door.settings.seal_keys) == SessionToEnd(
        server="main", user="alice", key=SecretStr("alice-session")
    )
    assert all(TAG in run.tags for run in door.runs.kept.values())
    assert door.runs.carried == {}
    assert door.omero.ended == set()


def test_where_there_is_no_service_account_the_import_works_in_that_session(door_with) -> None:
    door = door_with(servers={"main": {"host": "omero.invalid"}})
    hands(door, element_for(door))

    [run] = door.runs.kept.values()
    carried = unseal(door.runs.carried[run.key], CarriedSession, door.settings.seal_keys)
    assert carried.key == SecretStr("alice-session")
    assert list(door.runs.to_end) == [TAG]


def test_nothing_that_the_engine_keeps_holds_the_key(door, hand) -> None:
    hand({})

    assert "alice-session" not in f"{door.runs.kept} {door.runs.to_end}"


def test_slashes_too_many_are_passed_over(door) -> None:
    for path in ("//ome/import", "/ome/import/", "/ome//import"):
        assert door.client.post(str(door.client.base_url).rstrip("/") + path, json=[]).status_code == 200


def test_it_can_be_switched_off(door_with) -> None:
    door = door_with(smuggler={"enabled": False})

    assert hands(door, element_for(door)).status_code == 404
    assert door.client.get("/ome/failed/import").status_code == 404
    assert "/ome/import" not in door.client.get("/openapi.json").json()["paths"]


def test_the_couriers_own_interface_shows_the_same_imports(door, hand) -> None:
    hand({})
    [run] = door.runs.kept.values()

    assert door.get(f"/v1/imports/{run.id}").json()["state"] == ImportState.SCHEDULED
    assert door.client.get(f"/v1/imports/{run.id}", headers=bearer("bob")).status_code == 404
