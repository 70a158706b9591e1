"""What failed is listed for those whom it concerns; whoever holds an id may read its log, and deal with it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from api.runs import ImportState, Letter, Message
from flows.core.control import Stage
from flows.core.status import FilesetStatus
from tests.support.api import TOKEN, WIDE_TOKEN, bearer

from .conftest import element_for, hands

NOTHING_KEPT = {"cache-control": "no-store, no-cache, must-revalidate", "pragma": "no-cache", "expires": "0"}
TEXT = "text/plain;charset=UTF-8"


def failed_one(door, **more) -> str:
    """Hand an import over that fails, and return the address of its log."""
    [told] = hands(door, element_for(door, **more)).json()
    run = max(door.runs.kept.values(), key=lambda run: run.created)
    door.runs.becomes(run.id, state=ImportState.FAILED, message="None of it is in OMERO", attempts=1)
    return told["statusUri"].replace("/ome/import/", "/ome/failed/import/")


def listed(door, who: str | None, what: str = "import", **headers: str):
    return door.client.get(f"/ome/failed/{what}", headers={**(bearer(who) if who else {}), **headers})


def test_whoever_holds_the_address_reads_the_log_and_nothing_keeps_it(door, hand) -> None:
    [told] = hand({}).json()
    answer = door.client.get(told["statusUri"])

    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert {name: answer.headers[name] for name in NOTHING_KEPT} == NOTHING_KEPT
    assert told["statusUri"].rpartition("/")[2] in answer.text
    assert f"Import Target: {door.data}/alice/cells.tif" in answer.text
    assert "alice-session" not in answer.text


@pytest.mark.parametrize("made_up", ["x", "0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "A" * 46, "%00", "%F0%9F%90%98"])
@pytest.mark.parametrize("where", ["import", "failed/import", "failed/mail"])
def test_an_id_that_was_not_given_out_is_unknown_and_nothing_to_delete(bare_door, where, made_up) -> None:
    answer = bare_door.client.get(f"/ome/{where}/{made_up}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json;charset=UTF-8")
    assert answer.json()["reason"].startswith("There is no ")
    if where != "import":
        assert bare_door.client.delete(f"/ome/{where}/{made_up}").status_code == 204


def test_the_number_of_a_run_is_no_way_in(door, hand) -> None:
    hand({})
    [run] = door.runs.kept.values()

    assert door.client.get(f"/ome/import/{run.id}").status_code == 404


def test_an_import_that_was_forgotten_is_unknown(door, hand) -> None:
    [told] = hand({}).json()
    door.runs.kept.clear()

    assert door.client.get(told["statusUri"]).status_code == 404


def test_a_failed_import_is_listed_read_and_dealt_with(door) -> None:
    address = failed_one(door)

    assert listed(door, "alice").json() == [address]
    answer = door.client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert answer.headers["cache-control"] == "private, max-age=31536000"
    assert "Succeeded: false" in answer.text
    deleted = door.client.delete(address)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (door.client.get(address).status_code, listed(door, "alice").json()) == (404, [])
    assert door.runs.kept == {}


def test_an_import_that_has_not_failed_is_no_failed_one_and_stays(door, hand) -> None:
    [told] = hand({}).json()
    address = told["statusUri"].replace("/import/", "/failed/import/")

    assert (door.client.get(address).status_code, door.client.delete(address).status_code) == (404, 204)
    assert len(door.runs.kept) == 1


def test_of_several_each_is_dealt_with_by_itself(door, hand) -> None:
    sources = [door.image(name=f"{number}.tif") for number in range(3)]
    told = hand(*({"targetUri": each} for each in sources)).json()
    [run] = door.runs.kept.values()
    stages = (Stage.DONE, Stage.FAILED, Stage.FAILED)
    door.runs.statuses[run.id] = tuple(
        FilesetStatus(name="x", stage=stage, bytes_total=1, files=(source,), key=source)
        for source, stage in zip(sources, stages, strict=True)
    )
    door.runs.becomes(run.id, state=ImportState.PARTLY_FAILED, attempts=1)
    addresses = [each["statusUri"].replace("/import/", "/failed/import/") for each in told]

    assert listed(door, "alice").json() == addresses[1:]
    door.client.delete(addresses[1])
    assert listed(door, "alice").json() == addresses[2:]
    assert door.client.get(told[1]["statusUri"]).status_code == 200
    door.client.delete(addresses[2])
    assert (listed(door, "alice").json(), door.runs.kept) == ([], {})


@pytest.mark.parametrize(
    ("who", "sees"),
    [("alice", True), ("bob", False), ("root", True), (TOKEN, True), (WIDE_TOKEN, True)],
    ids=["its user", "another user", "an administrator", "a token for its user", "a token for all"],
)
@pytest.mark.parametrize("what", ["import", "mail"])
def test_a_list_holds_what_concerns_who_asks(door, who, sees, what) -> None:
    failed_one(door)
    unsent_mail(door)

    assert len(listed(door, who, what).json()) == sees


def test_imports_of_the_couriers_own_interface_are_listed_too(door) -> None:
    door.ask()
    [run] = door.runs.kept.values()
    door.runs.becomes(run.id, state=ImportState.FAILED)

    [address] = listed(door, "alice").json()
    assert "Experimenter's Email: the one in OMERO" in door.client.get(address).text


@pytest.mark.parametrize("what", ["import", "mail"])
def test_who_does_not_say_who_they_are_is_shown_no_list(bare_door, what) -> None:
    answer = listed(bare_door, None, what)

    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json;charset=UTF-8")
    assert "Bearer" in answer.json()["reason"]


@pytest.fixture
def open_door(door_with):
    return door_with(smuggler={"open_to_this_machine": True})


def test_the_lists_can_be_opened_to_the_couriers_own_machine(open_door) -> None:
    failed_one(open_door)

    assert len(listed(open_door, None).json()) == 1


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}, {"Host": "evil.example:8000"}],
    ids=["through a proxy", "through another proxy", "from a web page under another name"],
)
def test_but_not_to_who_only_seems_to_be_there(open_door, headers) -> None:
    assert listed(open_door, None, **headers).status_code == 401


def unsent_mail(door, receiver: str = "alice@lab.example") -> Message:
    message = Message(
        id=uuid4(),
        server="main",
        user="alice",
        about=str(uuid4()),
        receiver=receiver,
        subject="1 imäge is in OMERO",
        created=datetime(2026, 11, 23, tzinfo=UTC),
        failed=datetime.now(UTC),
        attempts=7,
        reason="The mail server does not answer.",
    )
    door.runs.messages[message.id] = message
    door.runs.letters[message.id] = Letter(subject=message.subject, text="In plain words", html="<p>In HTML</p>")
    return message


def test_an_unsent_mail_is_listed_read_as_it_would_be_sent_and_deleted(door) -> None:
    unsent_mail(door)

    [address] = listed(door, "alice", "mail").json()
    answer = door.client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert answer.headers["cache-control"] == "private, max-age=31536000"
    for line in ("To: alice@lab.example", "Subject: 1 =?utf-8?", "MIME-Version: 1.0", "In plain words", "Mon, 23 Nov"):
        assert line in answer.text
    assert door.client.delete(address).status_code == 204
    assert (door.client.get(address).status_code, listed(door, "alice", "mail").json()) == (404, [])


def test_what_was_meant_for_a_channel_is_no_mail(door) -> None:
    unsent_mail(door, "team")

    assert listed(door, "alice", "mail").json() == []


def test_an_id_of_a_mail_opens_no_import_and_the_other_way_round(door) -> None:
    address = failed_one(door)
    unsent_mail(door)
    [mail] = listed(door, "alice", "mail").json()

    assert door.client.get(mail.replace("/mail/", "/import/")).status_code == 404
    assert door.client.get(address.replace("/import/", "/mail/")).status_code == 404
