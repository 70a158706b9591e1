"""Messages that could not be sent: listed for who may know, sent again, deleted."""

import uuid
from datetime import UTC, datetime

import pytest

from api.runs import Message
from tests.support.api import TOKEN, WIDE_TOKEN, bearer

PATH = "/v1/notifications/failed"


@pytest.fixture
def unsent(door):
    """Return a message to a user that could not be sent."""

    def make(user="alice", server="main", servers=()) -> Message:
        message = Message(
            id=uuid.uuid4(),
            server=server,
            servers=frozenset(servers),
            user=user,
            about=str(uuid.uuid4()),
            receiver=f"{user}@example.org",
            subject="3 images are in OMERO",
            created=datetime.now(UTC),
            failed=datetime.now(UTC),
            attempts=6,
            reason="The mail server does not answer.",
        )
        door.runs.messages[message.id] = message
        return message

    return make


def listed(door, who) -> list[str]:
    return [each["id"] for each in door.client.get(PATH, headers=bearer(who)).json()["messages"]]


def test_people_see_what_could_not_be_sent_to_them_and_administrators_see_all(door, unsent) -> None:
    hers, his = str(unsent("alice").id), str(unsent("bob").id)

    assert (listed(door, "alice"), listed(door, TOKEN)) == ([hers], [hers])
    assert (listed(door, "root"), listed(door, WIDE_TOKEN)) == ([his, hers], [his, hers])


def test_an_alert_to_administrators_is_no_message_of_the_user_whom_it_tells_of(door, unsent) -> None:
    alert = unsent(user="")

    assert listed(door, "alice") == []
    assert door.client.delete(f"{PATH}/{alert.id}", headers=bearer("alice")).status_code == 404
    assert listed(door, "root") == [str(alert.id)]


def test_a_digest_of_several_servers_is_dealt_with_by_administrators_of_any(door, unsent) -> None:
    digest = unsent(user="", server="another", servers=("another", "main"))

    assert door.client.delete(f"{PATH}/{digest.id}", headers=bearer("alice")).status_code == 404
    assert door.client.delete(f"{PATH}/{digest.id}", headers=bearer("root")).status_code == 204


def test_it_says_what_it_was_about_and_why_it_was_not_sent(door, unsent) -> None:
    message = unsent()
    [told] = door.get(PATH).json()["messages"]

    assert told["import_id"] == message.about
    assert (told["receiver"], told["subject"], told["attempts"]) == ("alice@example.org", message.subject, 6)
    assert told["reason"] == "The mail server does not answer."


def test_it_is_sent_again(door, unsent) -> None:
    message = unsent()
    answer = door.client.post(f"{PATH}/{message.id}/retry", headers=bearer("alice"))

    assert (answer.status_code, answer.json()["id"]) == (202, str(message.id))
    assert listed(door, "alice") == []


def test_it_is_deleted(door, unsent) -> None:
    message = unsent()

    assert door.client.delete(f"{PATH}/{message.id}", headers=bearer("root")).status_code == 204
    assert listed(door, "alice") == []


@pytest.mark.parametrize(("method", "rest"), [("POST", "/retry"), ("DELETE", "")])
def test_somebody_elses_message_is_answered_as_one_that_does_not_exist(door, unsent, method, rest) -> None:
    ids = [unsent("bob").id, uuid.uuid4(), "nonsense"]
    answers = {
        (answer.status_code, answer.text)
        for each in ids
        for answer in [door.client.request(method, f"{PATH}/{each}{rest}", headers=bearer("alice"))]
    }

    assert [status for status, _ in answers] == [404]
    assert len(door.runs.messages) == 1


def test_who_deleted_a_message_is_written_down(door_with, tmp_path) -> None:
    trail = tmp_path / "audit.jsonl"
    door = door_with(audit={"file": str(trail)})
    message = Message(
        id=uuid.uuid4(),
        server="main",
        user="alice",
        about=str(uuid.uuid4()),
        receiver="alice@example.org",
        subject="One image",
        created=datetime.now(UTC),
        failed=datetime.now(UTC),
        attempts=1,
        reason="",
    )
    door.runs.messages[message.id] = message
    door.client.delete(f"{PATH}/{message.id}", headers=bearer("alice"))

    assert f'"import_id":"{message.about}"' in trail.read_text()
