"""Faults on demand: each as a client sees it, and all well afterwards."""

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import Glacier2
import Ice
import omero
import pytest

from tests.support.sandbox import until
from tests.support.understudy import Understudy, start_understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import SECONDS, begin, dataset, do_import, project, upload


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An understudy for this module, since faults are felt by everybody."""
    started = start_understudy(tmp_path_factory.mktemp("faults"))
    yield started
    started.stop()


@pytest.fixture
def alice(connect: Connect, mine: Understudy) -> Any:
    yield connect("alice", to=mine)
    mine.control.clear()


EXCEPTIONS = {
    "resource": ("omero.ResourceError", omero.ResourceError),
    "busy": ("omero.DatabaseBusyException", omero.DatabaseBusyException),
    "gone": ("Ice.ObjectNotExistException", Ice.ObjectNotExistException),
}


@pytest.mark.parametrize(("name", "kind"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_operation_fails_as_often_as_planned(alice: Any, mine: Understudy, name: str, kind: Any) -> None:
    admin = alice.getSession().getAdminService()
    mine.control.fault("getEventContext", name, times=1, after=1)

    assert admin.getEventContext().userName == "alice"
    with pytest.raises(kind):
        admin.getEventContext()
    assert admin.getEventContext().userName == "alice"


def test_an_unknown_exception_is_refused(mine: Understudy) -> None:
    with pytest.raises(ValueError, match=r"no such exception: omero\.Nonsense"):
        mine.control.fault("write", "omero.Nonsense")


@pytest.mark.parametrize(("step", "images"), [(0, 0), (1, 1)], ids=["before-saving", "after-saving"])
def test_an_import_ends_with_the_error_planned(
    alice: Any, mine: Understudy, image: Path, step: int, images: int
) -> None:
    before = project(alice, "select count(i) from Image i")[0][0]
    mine.control.fail_import("import-missing-library", step=step)

    assert do_import(alice, image).name == "import-missing-library"
    assert project(alice, "select count(i) from Image i") == [[before + images]]
    assert isinstance(do_import(alice, image), omero.grid.ImportResponse)


def test_a_full_disk_refuses_bytes_and_directories(alice: Any, mine: Understudy, image: Path) -> None:
    process = begin(alice, [image])
    mine.control.disk_full()

    with pytest.raises(omero.ResourceError, match="No space left"):
        upload(process, [image])
    with pytest.raises(omero.ResourceError, match="No space left"):
        begin(alice, [image])


def write_twice_at_once(store: Any) -> list[str]:
    """What was refused."""
    calls = [store.begin_write(b"words", 0, 5) for _ in range(2)]
    return [refused for refused in (_end(store, call) for call in calls) if refused]


def _end(store: Any, call: Any) -> str:
    try:
        store.end_write(call)
    except omero.InternalException as refused:
        return str(refused.message)
    return ""


def test_a_second_call_on_a_store_that_is_writing_is_refused_as_omero_may(
    alice: Any, mine: Understudy, image: Path
) -> None:
    mine.control.latency(write=0.5)
    refused = write_twice_at_once(begin(alice, [image]).getUploader(0))

    assert len(refused) == 1
    assert "not re-entrant" in refused[0]
    assert mine.control.stats().store_calls_at_once == 2


def test_stores_can_be_told_to_be_lenient(alice: Any, mine: Understudy, image: Path) -> None:
    mine.control.latency(write=0.2)
    mine.control.strict_stores(False)

    assert write_twice_at_once(begin(alice, [image]).getUploader(0)) == []


def test_every_call_can_be_slow(alice: Any, mine: Understudy) -> None:
    admin = alice.getSession().getAdminService()
    mine.control.latency(call=0.5)

    with pytest.raises(Ice.InvocationTimeoutException):
        admin.ice_invocationTimeout(100).getEventContext()


def test_a_frozen_server_answers_later(alice: Any, mine: Understudy) -> None:
    admin = alice.getSession().getAdminService()
    mine.control.freeze()
    call = admin.begin_getEventContext()
    assert not call.isCompleted()
    mine.control.thaw()

    assert admin.end_getEventContext(call).userName == "alice"


def test_a_stopped_process_times_out_the_call_and_answers_the_next(alice: Any, mine: Understudy) -> None:
    admin = alice.getSession().getAdminService().ice_invocationTimeout(200)
    mine.signal(signal.SIGSTOP)
    with pytest.raises(Ice.InvocationTimeoutException):
        admin.getEventContext()
    mine.signal(signal.SIGCONT)

    assert admin.ice_invocationTimeout(SECONDS * 1000).getEventContext().userName == "alice"


def test_forgotten_sessions_are_unknown(alice: Any, mine: Understudy) -> None:
    admin = alice.getSession().getAdminService()

    assert mine.control.forget_sessions() >= 1
    with pytest.raises(Ice.ObjectNotExistException):
        admin.getEventContext()


def test_a_crash_loses_no_committed_row_and_no_byte(
    connect: Connect, mine: Understudy, image: Path, unique: str
) -> None:
    client = connect("carol", to=mine)
    target = dataset(client, unique)
    made = do_import(client, image, target=target).objects[0]
    mine.control.die()
    mine.restart()
    again = connect("carol", to=mine)
    query = "select l.parent.name, l.parent.id, l.child.id from DatasetImageLink l"

    assert project(again, query) == [[unique, target.id.val, made.id.val]]
    assert [path.read_bytes() for path in mine.repository.glob(f"carol*/**/{image.name}")] == [image.read_bytes()]
    assert dataset(again, unique).id.val > target.id.val


def test_a_restart_forgets_every_session(connect: Connect, join: Callable[..., Any], mine: Understudy) -> None:
    client = connect("alice", to=mine)
    mine.restart()

    with pytest.raises(Ice.ObjectNotExistException):
        client.getSession().keepAlive(None)
    with pytest.raises(Glacier2.PermissionDeniedException):
        join(client.getSessionId(), to=mine)


ERIN = {
    "groups": [{"name": "only", "permissions": "rw----"}],
    "users": [{"name": "erin", "password": "pass words", "groups": ["only"], "email": "erin@example.org"}],
}


def test_users_come_from_a_file_and_their_secrets_are_never_written(
    connect: Connect, private_understudy: Callable[..., Understudy], tmp_path: Path
) -> None:
    users = tmp_path / "users.json"
    users.write_text(json.dumps(ERIN))
    own = private_understudy("--users", str(users), "--log-level", "DEBUG")
    client = connect("erin", password="pass words", to=own)
    key, found = client.getSessionId(), client.getSession().getAdminService().lookupExperimenter("erin")
    own.stop()
    written = b"".join(path.read_bytes() for path in own.data.rglob("*") if path.is_file())

    assert found.email.val == "erin@example.org"
    assert [link.parent.name.val for link in found.copyGroupExperimenterMap()] == ["only", "user"]
    assert b"erin@example.org" in written
    assert key.encode() not in written
    assert b"pass words" not in written


@pytest.mark.parametrize(
    ("place", "images"),
    [("importFileset", 0), ("FileStore.write", 0), ("step-0", 0), ("step-1", 1), ("Handle.close", 1)],
)
def test_calls_wait_where_they_are_held_and_all_else_goes_on(
    alice: Any, mine: Understudy, image: Path, place: str, images: int
) -> None:
    before = project(alice, "select count(i) from Image i")[0][0]
    mine.control.hold(place)
    assert mine.control.waiting() == {}
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(do_import, alice, image)
        until(lambda: mine.control.waiting() == {place: ["tests"]}, SECONDS, "the call is held")

        assert project(alice, "select count(i) from Image i") == [[before + images]]
        mine.control.let_go()

        assert isinstance(importing.result(SECONDS), omero.grid.ImportResponse)
    assert mine.control.waiting() == {}


@pytest.mark.parametrize("place", ["step-0", "step-1", "step-2"])
def test_a_step_that_is_held_until_somebody_cancels_is_the_last(
    alice: Any, mine: Understudy, image: Path, place: str
) -> None:
    before = project(alice, "select count(i) from Image i")[0][0]
    mine.control.hold(place, until_cancelled=True)
    process = begin(alice, [image])
    handle = process.verifyUpload(upload(process, [image]))
    until(lambda: bool(mine.control.waiting()), SECONDS, "it is in the middle")

    assert handle.cancel()
    assert handle.getResponse().name == "cancel-called"
    assert handle.getStatus().currentStep == int(place[-1]) + 1
    assert project(alice, "select count(i) from Image i") == [[before + 1]]
    assert mine.control.waiting() == {}


def test_a_planned_drop_closes_the_connection_once_and_its_client_has_left(connect: Connect, mine: Understudy) -> None:
    admin = connect("bob", to=mine).getSession().getAdminService()
    mine.control.fault("getEventContext", "drop-connection")

    with pytest.raises(Ice.ConnectionLostException):
        admin.getEventContext()
    with pytest.raises(Ice.ObjectNotExistException):
        admin.getEventContext()
    assert connect("bob", to=mine).getSession().getAdminService().getEventContext().userName == "bob"
    mine.control.clear()


def test_all_connections_can_be_dropped_and_sessions_that_nobody_else_holds_end(
    connect: Connect, mine: Understudy
) -> None:
    bob, carol = connect("bob", to=mine), connect("carol", to=mine)
    bob.getSession().detachOnDestroy()
    before = mine.control.stats().sessions

    assert mine.control.drop_connections() >= 2
    for client in (bob, carol):
        with pytest.raises((Ice.ConnectionLostException, Ice.ObjectNotExistException)):
            client.getSession().getAdminService()
    assert mine.control.stats().sessions < before
    assert connect("carol", to=mine)


def test_a_connection_reaches_nothing_of_another_session(connect: Connect, mine: Understudy, image: Path) -> None:
    first, second = connect("bob", to=mine), connect("bob", to=mine)
    process = begin(first, [image])
    (seen,) = [
        each
        for each in second.getManagedRepository().listImports()
        if each.ice_getIdentity() == process.ice_getIdentity()
    ]

    assert process.getUploadOffset(0) == 0
    with pytest.raises(Ice.ObjectNotExistException):
        seen.getUploadOffset(0)


def test_an_account_is_disabled_and_enabled_again(connect: Connect, mine: Understudy) -> None:
    mine.control.remove_from_group("bob", "user")
    with pytest.raises(Glacier2.PermissionDeniedException):
        connect("bob", to=mine)

    mine.control.add_to_group("bob", "user")
    assert connect("bob", to=mine)


def test_nobody_is_put_into_a_group_that_is_not_there(mine: Understudy) -> None:
    with pytest.raises(ValueError, match="no group nowhere"):
        mine.control.add_to_group("bob", "nowhere")


def test_a_session_that_is_killed_lets_no_import_save_anything(connect: Connect, mine: Understudy, image: Path) -> None:
    bob, watcher = connect("bob", to=mine), connect("bob", to=mine)
    before = project(watcher, "select count(i) from Image i")
    mine.control.hold("step-0")
    process = begin(bob, [image])
    process.verifyUpload(upload(process, [image]))
    until(lambda: bool(mine.control.waiting()), SECONDS, "it is in the middle")
    bob.killSession()
    mine.control.let_go()

    until(lambda: mine.control.stats().imports_running == 0, SECONDS, "it has ended")
    assert project(watcher, "select count(i) from Image i") == before
