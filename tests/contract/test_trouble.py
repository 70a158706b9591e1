"""What becomes of sessions and imports when OMERO fails: only the stand-in can be made to."""

import signal
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.core import errors
from flows.core.control import Stage, Uncontrolled
from flows.core.omero_client import (
    ImportDetails,
    begin_import,
    find_earlier,
    import_fileset,
    join,
    keep_alive_once,
    latency,
    log_in,
    ping,
    resolve_target,
    sudo,
)
from flows.core.requests import Target
from tests.support.courier import eventually


@pytest.fixture
def omero(stand_in):
    """The stand-in alone."""
    return stand_in


@pytest.fixture
def bring(session, stage, run_key, small_ome_tiff):
    """Import a small image, and further files with it."""

    def bring(*others, by=session):
        staged = stage(small_ome_tiff, *others)
        return import_fileset(by, staged, target=None, details=ImportDetails(), control=Uncontrolled(), run_key=run_key)

    return bring


IN_A_CALL = [
    ("write", "omero.ResourceError", errors.OmeroFull),
    ("write", "omero.InternalException", errors.OmeroFault),
    ("close", "omero.DatabaseBusyException", errors.OmeroBusy),
    ("importFileset", "omero.SecurityViolation", errors.NotPermitted),
    ("importFileset", "omero.FilePathNamingException", errors.ImportRefused),
    ("verifyUpload", "omero.ChecksumValidationException", errors.UploadCorrupted),
    ("getUploader", "omero.ApiUsageException", errors.OmeroMisused),
]


@pytest.mark.parametrize(("call", "exception", "failure"), IN_A_CALL, ids=[f"{c} {e}" for c, e, _ in IN_A_CALL])
def test_a_failing_call_has_its_meaning_and_leaves_nothing(*, left, bring, trouble, call, exception, failure):
    trouble.fault(call, exception)

    with pytest.raises(failure):
        bring()
    assert left() == []


IN_THE_IMPORT = [
    ("import-unknown-format", 0, errors.ImportRefused),
    ("import-request-failure", 0, errors.OmeroFault),
    ("import-request-failure", 2, errors.OmeroFault),
]


@pytest.mark.parametrize(("name", "step", "failure"), IN_THE_IMPORT, ids=[f"{n} at {s}" for n, s, _ in IN_THE_IMPORT])
def test_a_failed_import_leaves_nothing_even_when_images_were_saved(*, left, bring, trouble, name, step, failure):
    trouble.fail_import(name, step)

    with pytest.raises(failure, match=name):
        bring()
    assert left() == []


def test_what_a_lost_connection_left_is_cleared_by_the_next_attempt(*, omero, left, bring, trouble, run_key):
    trouble.fault("write", "drop-connection")
    with pytest.raises(errors.OmeroUnavailable):
        bring()

    with log_in(omero.server, omero.user, omero.password) as next_session:
        assert find_earlier(next_session, run_key) is None
        assert left(next_session) == []
        assert bring(by=next_session).images


def test_a_lost_answer_to_the_first_call_leaves_nothing_twice(*, omero, left, bring, trouble, run_key):
    trouble.fault("getUploader", "drop-connection")
    with pytest.raises(errors.OmeroUnavailable):
        bring()

    with log_in(omero.server, omero.user, omero.password) as next_session:
        find_earlier(next_session, run_key)
        bring(by=next_session)
        assert len(left(next_session)) == 1


def test_provenance_that_an_earlier_attempt_left_out_is_made_good(omero, bring, trouble, run_key):
    trouble.fault("saveArray", "drop-connection")
    with pytest.raises(errors.OmeroUnavailable):
        bring()

    with log_in(omero.server, omero.user, omero.password) as session:
        image = find_earlier(session, run_key).images[0].id
        linked = session.rows("select l.id from ImageAnnotationLink l where l.parent.id = :image", image=image)
    assert len(linked) == 1


def test_no_file_has_two_writes_on_the_wire(bring, trouble, tmp_path):
    others = [tmp_path / f"{n}.bin" for n in range(3)]
    for path in others:
        path.write_bytes(bytes(20_000_000))
    trouble.latency(write=0.01)
    bring(*others)

    assert trouble.stats().store_calls_at_once == 1


class StoppedWhileOmeroReads(Uncontrolled):
    """Cancels once OMERO has begun to import."""

    importing = False

    def moved(self, key, stage, done, total):
        self.importing = stage is Stage.IMPORT

    def check(self):
        if self.importing:
            raise errors.ImportCancelled


def test_an_import_that_runs_in_omero_is_stopped_before_it_is_removed(omero, private_understudy, stage, small_ome_tiff):
    own = private_understudy("--import-seconds", "1")
    server = omero.server.model_copy(update={"port": own.ssl_port})
    order = {"target": None, "details": ImportDetails(), "control": StoppedWhileOmeroReads(), "run_key": "run/key"}
    with log_in(server, omero.user, omero.password) as session:
        with pytest.raises(errors.ImportCancelled):
            import_fileset(session, stage(small_ome_tiff), **order)

        assert session.rows("select f.id from Fileset f") == session.rows("select i.id from Image i") == []
        assert own.control.stats().imports_running == 0


def test_a_full_server_may_keep_an_import_waiting_for_longer_than_a_call(omero, private_understudy, stage, make_image):
    own = private_understudy("--import-seconds", "1", "--background-threads", "1")
    server = omero.server.model_copy(update={"port": own.ssl_port, "call_timeout": 0.5})
    order = {"target": None, "details": ImportDetails(), "control": Uncontrolled()}
    with log_in(server, omero.user, omero.password) as session, ThreadPoolExecutor() as side_by_side:
        running = [
            side_by_side.submit(
                import_fileset, session, stage(make_image(f"{n}.ome.tiff")), run_key=f"run/{n}", **order
            )
            for n in range(3)
        ]

        assert [len(each.result().images) for each in running] == [1, 1, 1]


@pytest.mark.parametrize("step", ["step-0", "step-1"])
def test_an_import_that_omero_breaks_off_is_tried_again_and_is_no_cancel(*, omero, bring, trouble, run_key, step):
    trouble.hold(step)
    with sudo(omero.server, "alice") as doomed, ThreadPoolExecutor() as pool:
        importing = pool.submit(bring, by=doomed)
        eventually(trouble.waiting, "OMERO reads it")
        trouble.forget_sessions()
        trouble.let_go()

        assert importing.exception().transient
        assert not isinstance(importing.exception(), errors.ImportCancelled)


def test_a_forgotten_session_is_lost(bring, private_understudy, omero):
    own = private_understudy()
    server = omero.server.model_copy(update={"port": own.ssl_port})
    with log_in(server, omero.user, omero.password) as forgotten:
        own.control.forget_sessions()

        with pytest.raises(errors.SessionLost):
            bring(by=forgotten)


def test_a_dead_server_is_unavailable_and_its_session_can_still_be_left(omero, private_understudy):
    own = private_understudy()
    server = omero.server.model_copy(update={"port": own.ssl_port})
    with log_in(server, omero.user, omero.password) as session:
        own.kill()

        with pytest.raises(errors.OmeroUnavailable):
            find_earlier(session, "run/key")


def test_a_frozen_server_is_unavailable_after_the_time_of_a_call(omero, private_understudy):
    own = private_understudy()
    server = omero.server.model_copy(update={"port": own.ssl_port, "call_timeout": 0.3, "connect_timeout": 0.3})
    session = log_in(server, omero.user, omero.password)
    own.signal(signal.SIGSTOP)

    with pytest.raises(errors.OmeroUnavailable):
        find_earlier(session, "run/key")
    with pytest.raises(errors.OmeroUnavailable):
        ping(server)
    own.signal(signal.SIGCONT)
    session.kill()


def test_an_inactive_user_is_told_so(omero):
    with pytest.raises(errors.LoginRefused, match="not active"):
        sudo(omero.server, "retired")


def test_a_dataset_of_another_user_is_not_for_us(omero, unique):
    with sudo(omero.server, "bob", group="lab") as bob, sudo(omero.server, "alice", group="lab") as alice:
        theirs = resolve_target(bob, Target.parse(f"Dataset:name:{unique}"), make=True)

        with pytest.raises(errors.NotPermitted, match=unique):
            resolve_target(alice, Target.parse(f"Dataset:id:{theirs.id}"), make=False)
        assert resolve_target(alice, Target.parse(f"Dataset:name:{unique}"), make=True).id != theirs.id


def test_a_dataset_in_a_private_group_cannot_be_seen(omero, unique):
    with sudo(omero.server, "carol", group="clinic") as carol, sudo(omero.server, "dave", group="lab") as dave:
        theirs = resolve_target(carol, Target.parse(f"Dataset:name:{unique}"), make=True)

        with pytest.raises(errors.TargetNotFound):
            resolve_target(dave, Target.parse(f"Dataset:id:{theirs.id}"), make=False)


def test_no_failure_shows_the_session_key(bring, trouble, session):
    key = session.key.get_secret_value()
    trouble.forget_sessions()
    with pytest.raises(errors.CourierError) as caught:
        bring()

    assert key not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def membership(understudy):
    """Take alice out of a group; she is put back afterwards."""
    left = []

    def leave(group):
        understudy.control.remove_from_group("alice", group)
        left.append(group)

    yield leave
    for group in left:
        understudy.control.add_to_group("alice", group)


def test_an_account_that_was_disabled_meanwhile_is_told_so_through_the_service_account(omero, membership):
    membership("user")

    with pytest.raises(errors.LoginRefused, match="not active"):
        sudo(omero.server, "alice", group="lab")


def test_an_account_that_was_disabled_meanwhile_is_told_so_in_a_carried_session(omero, session, membership):
    membership("user")

    with pytest.raises(errors.LoginRefused, match="not active"):
        join(omero.server, session.key)


ENTRIES = {
    "through the service account": lambda server, key: sudo(server, "alice", group="studio"),
    "in a carried session": lambda server, key: join(server, key, group="studio"),
}


@pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES)
def test_who_left_the_group_meanwhile_is_told_so(omero, session, membership, enter):
    membership("studio")

    with pytest.raises(errors.NotPermitted, match="not a member of the OMERO group 'studio'"):
        enter(omero.server, session.key)


def test_who_leaves_the_group_in_the_middle_is_told_so_for_good(omero, stage, make_image, membership, run_key):
    with sudo(omero.server, "alice", group="studio") as session:
        begun = begin_import(
            session, stage(make_image("a.ome.tiff")), target=None, details=ImportDetails(), run_key=run_key
        )
        membership("studio")

        with pytest.raises(errors.NotPermitted) as refused:
            begun.finish(Uncontrolled())
    assert not refused.value.transient


CALLS = [
    "importFileset",
    "getUploader",
    "write",
    "close",
    "verifyUpload",
    "addCallback",
    "projection",
    "getRow",
    "saveArray",
]


@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_drops_at_any_point_is_tried_again_and_then_there_is_one(
    *, omero, bring, trouble, run_key, left, call
):
    trouble.fault(call, "drop-connection")
    with pytest.raises(errors.CourierError) as dropped:
        bring()

    assert dropped.value.transient
    with log_in(omero.server, omero.user, omero.password) as next_session:
        if find_earlier(next_session, run_key) is None:
            bring(by=next_session)
        assert len(left(next_session)) == 1


def test_a_connection_that_drops_while_omero_imports_is_tried_again_and_then_there_is_one(
    *, omero, bring, trouble, run_key, left
):
    trouble.hold("step-0")  # so long that OMERO is asked for its answer
    trouble.fault("getResponse", "drop-connection")
    with pytest.raises(errors.CourierError) as dropped:
        bring()
    trouble.let_go()
    eventually(lambda: trouble.stats().imports_running == 0, "OMERO has ended the import")

    assert dropped.value.transient
    with log_in(omero.server, omero.user, omero.password) as next_session:
        if find_earlier(next_session, run_key) is None:
            bring(by=next_session)
        assert len(left(next_session)) == 1


def test_all_connections_that_drop_in_the_middle_of_a_chunk_are_tried_again(*, omero, bring, trouble, run_key, left):
    trouble.hold("write")
    with ThreadPoolExecutor(1) as pool:
        bringing = pool.submit(bring)
        eventually(trouble.waiting, "a chunk is on its way")
        trouble.drop_connections()

        assert bringing.exception().transient
    trouble.let_go()
    with log_in(omero.server, omero.user, omero.password) as next_session:
        assert find_earlier(next_session, run_key) is None
        bring(by=next_session)
        assert len(left(next_session)) == 1


@pytest.mark.parametrize("call", ["importFileset", "write", "projection", "getRow"])
def test_no_call_waits_longer_than_it_may(*, omero, stage, small_ome_tiff, trouble, run_key, call):
    server = omero.server.model_copy(update={"call_timeout": 1.0})
    with log_in(server, omero.user, omero.password) as session:
        trouble.hold(call, times=None)

        with pytest.raises(errors.OmeroUnavailable):
            import_fileset(
                session,
                stage(small_ome_tiff),
                target=None,
                details=ImportDetails(),
                control=Uncontrolled(),
                run_key=run_key,
            )
        trouble.let_go()


def test_the_time_of_a_cheap_call_shows_how_busy_omero_is(omero, trouble):
    trouble.latency(call=0.1)

    assert latency(omero.server) >= 0.1
    assert latency(omero.server.model_copy(update={"service_account": None})) > 0


def test_a_session_that_waits_is_kept_alive(omero, private_understudy):
    own = private_understudy()
    server = omero.server.model_copy(update={"port": own.ssl_port})
    with log_in(server, omero.user, omero.password) as session:
        keep_alive_once(server, session.key)
        assert own.control.stats().calls["keepAlive"] == 1
        session.kill()

        with pytest.raises(errors.SessionEnded, match="has ended"):
            keep_alive_once(server, session.key)
