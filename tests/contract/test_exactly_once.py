"""What a new attempt finds of earlier ones, and what these can do no more. Needs the stand-in: it holds calls."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import DuplicateUnderWay, ImportCancelled, OmeroFault, SessionLost
from flows.core.names import agent_of
from flows.core.omero_client import (
    ImportDetails,
    begin_import,
    fence,
    find_earlier,
    find_earlier_of,
    import_fileset,
    join,
    keys_of_run,
    sudo,
)
from flows.core.omero_client.annotations import RUN
from flows.core.omero_client.faults import speaking_to
from flows.core.omero_client.holdings import marked
from tests.contract import raw
from tests.support.courier import eventually

NO_WISHES = {"target": None, "details": ImportDetails()}


@pytest.fixture
def omero(stand_in):
    """The stand-in alone."""
    return stand_in


@pytest.fixture
def run_id(run_key):
    return run_key.split("/")[0]


@pytest.fixture
def attempt(omero, run_id):
    """Open the session of an attempt of the run: `attempt(1)`."""
    with ExitStack() as stack:

        def open_session(number, of=run_id):
            session = sudo(omero.server, omero.user, agent=agent_of(of, number))
            stack.callback(session.kill)
            return session

        yield open_session


def is_alive(session):
    try:
        with speaking_to(session.server.host, doing="asking"):
            return bool(session.rows("select e.id from Experimenter e where e.id = :id", id=session.user_id))
    except SessionLost:
        return False


def images_under(session, run_key):
    filesets = marked(session, "Fileset", RUN, run_key)
    return session.rows("select i.id from Image i where i.fileset.id in (:ids)", ids=filesets) if filesets else []


def test_all_earlier_attempts_of_the_run_end_and_nothing_else_does(attempt, run_id, session):
    first, second, lost = attempt(1), attempt(2), attempt(3)
    of_another_run = attempt(1, of=str(uuid4()))
    present = attempt(3)

    assert fence(present, run_id, 3) == 3
    alive = [is_alive(each) for each in (first, second, lost, of_another_run, present, session)]
    assert alive == [False, False, False, True, True, True]


def test_a_later_attempt_is_not_ended_by_an_earlier_one(attempt, run_id):
    later, present = attempt(5), attempt(4)

    assert fence(present, run_id, 4) == 0
    assert is_alive(later)


def test_an_upload_of_a_fenced_attempt_fails_and_leaves_one_fileset(attempt, run_id, run_key, stage, small_ome_tiff):
    staged, zombie = stage(small_ome_tiff), attempt(1)
    begun = begin_import(zombie, staged, run_key=run_key, **NO_WISHES)
    present = attempt(2)

    fence(present, run_id, 2)
    assert find_earlier(present, run_key) is None
    imported = import_fileset(present, staged, control=Uncontrolled(), run_key=run_key, **NO_WISHES)
    with pytest.raises(SessionLost):
        begun.finish(Uncontrolled())
    assert marked(present, "Fileset", RUN, run_key) == [imported.fileset_id]


@pytest.mark.parametrize("place", ["step-0", "step-1", "step-2"])
def test_an_import_of_a_fenced_attempt_is_over_when_the_fence_stands(
    *, attempt, run_id, run_key, stage, small_ome_tiff, trouble, place
):
    present, staged = attempt(2), stage(small_ome_tiff)
    trouble.hold(place, until_cancelled=True)
    raw.start(attempt(1), staged, run_key)
    eventually(trouble.waiting, "the import is in the middle")

    assert fence(present, run_id, 2) == 1
    assert trouble.stats().imports_running == 0
    assert len(images_under(present, run_key)) == 1


@pytest.mark.parametrize(("place", "found"), [("step-0", False), ("step-1", True), ("step-2", True)])
def test_what_an_import_that_was_stopped_had_saved_counts_only_when_it_can_be_read(
    *, attempt, run_id, run_key, stage, small_ome_tiff, trouble, place, found
):
    present, staged = attempt(2), stage(small_ome_tiff)
    trouble.hold(place, until_cancelled=True)
    raw.start(attempt(1), staged, run_key)
    eventually(trouble.waiting, "the import is in the middle")

    fence(present, run_id, 2)
    assert (find_earlier(present, run_key) is not None) is found
    assert len(marked(present, "Fileset", RUN, run_key)) == int(found)


def test_an_import_that_still_runs_in_a_shared_session_is_waited_for(
    *, omero, session, run_key, stage, small_ome_tiff, trouble
):
    trouble.hold("step-0")
    with join(omero.server, session.key) as dead:
        raw.start(dead, stage(small_ome_tiff), run_key)
    eventually(trouble.waiting, "the import is in the middle")
    with ThreadPoolExecutor(1) as pool:
        finding = pool.submit(find_earlier, session, run_key)
        eventually(lambda: trouble.stats().calls.get("getResponse"), "somebody waits for it")
        trouble.let_go()

        assert [image.size_x for image in finding.result().images] == [64]
    assert len(marked(session, "Fileset", RUN, run_key)) == 1


class Cancelled(Uncontrolled):
    def check(self):
        raise ImportCancelled


def test_who_does_not_want_to_wait_for_it_any_more_leaves_nothing(
    *, omero, session, run_key, stage, small_ome_tiff, trouble
):
    trouble.hold("step-0", until_cancelled=True)
    raw.start(session, stage(small_ome_tiff), run_key)
    eventually(trouble.waiting, "the import is in the middle")

    with pytest.raises(ImportCancelled):
        find_earlier(session, run_key, control=Cancelled())
    assert marked(session, "Fileset", RUN, run_key) == []


def test_what_omero_refused_an_earlier_attempt_is_removed_with_its_images(
    session, run_key, stage, small_ome_tiff, trouble
):
    trouble.fail_import("import-request-failure", 2)
    handle = raw.start(session, stage(small_ome_tiff), run_key)
    eventually(handle.getResponse, "OMERO has refused it")
    assert images_under(session, run_key)

    assert find_earlier(session, run_key) is None
    assert marked(session, "Fileset", RUN, run_key) == []


def test_many_filesets_are_looked_up_at_once(session, stage, make_image, run_id, trouble):
    keys = [f"{run_id}/{number}" for number in range(25)]
    for number in (0, 1):
        staged = stage(make_image(f"{number}.ome.tiff"))
        import_fileset(session, staged, control=Uncontrolled(), run_key=keys[number], **NO_WISHES)
    raw.create(session, stage(make_image("2.ome.tiff")), keys[2])
    before = trouble.stats().calls.get("projection", 0)

    found = find_earlier_of(session, keys)
    assert [(key, each.name) for key, each in found.items()] == [(keys[0], "0.ome.tiff"), (keys[1], "1.ome.tiff")]
    assert trouble.stats().calls["projection"] - before < 10
    assert marked(session, "Fileset", RUN, keys[2]) == []


def test_looking_for_what_is_not_there_takes_one_question(session, run_id, trouble):
    before = trouble.stats().calls.get("projection", 0)

    assert find_earlier_of(session, [f"{run_id}/{number}" for number in range(25)]) == {}
    assert trouble.stats().calls["projection"] - before == 1


def test_of_two_complete_filesets_under_one_key_the_older_stays(session, stage, small_ome_tiff, run_key):
    staged = stage(small_ome_tiff)
    process = raw.create(session, staged, run_key)
    older = import_fileset(session, stage(small_ome_tiff), control=Uncontrolled(), run_key=f"{run_key}2", **NO_WISHES)
    assert older
    handle = process.verifyUpload(raw.upload(process, staged))
    eventually(handle.getResponse, "it is imported")
    second = raw.start(session, staged, run_key)
    eventually(second.getResponse, "it is imported twice")

    found = find_earlier(session, run_key)
    assert marked(session, "Fileset", RUN, run_key) == [found.fileset_id]


def test_who_comes_second_without_the_lock_gives_way_and_leaves_nothing(session, stage, small_ome_tiff, run_key):
    staged = stage(small_ome_tiff)
    first = begin_import(session, staged, run_key=run_key, **NO_WISHES)

    with pytest.raises(DuplicateUnderWay):
        begin_import(session, staged, run_key=run_key, **NO_WISHES)
    imported = first.finish(Uncontrolled())
    assert marked(session, "Fileset", RUN, run_key) == [first.fileset_id] == [imported.fileset_id]


def test_a_begun_import_can_be_abandoned(session, left, stage, small_ome_tiff, run_key):
    begun = begin_import(session, stage(small_ome_tiff), run_key=run_key, **NO_WISHES)
    assert left() == [begun.fileset_id]

    begun.abandon()
    assert left() == []


def test_who_fails_late_does_not_remove_what_another_attempt_imported(session, stage, small_ome_tiff, run_key):
    staged = stage(small_ome_tiff)
    late = begin_import(session, staged, run_key=run_key, **NO_WISHES)
    assert find_earlier(session, run_key) is None
    imported = import_fileset(session, staged, control=Uncontrolled(), run_key=run_key, **NO_WISHES)

    with pytest.raises(OmeroFault):
        late.finish(Uncontrolled())
    assert find_earlier(session, run_key) == imported


def test_images_that_cannot_be_read_back_are_no_success(session, stage, small_ome_tiff, run_key, trouble):
    trouble.fault("getRow", "omero.ResourceError")

    with pytest.raises(OmeroFault, match="cannot read"):
        import_fileset(session, stage(small_ome_tiff), control=Uncontrolled(), run_key=run_key, **NO_WISHES)
    assert marked(session, "Fileset", RUN, run_key) == []


def test_what_a_run_began_is_found_though_it_noted_nothing_down(session, stage, small_ome_tiff, run_key, run_id):
    begun = begin_import(session, stage(small_ome_tiff), run_key=run_key, **NO_WISHES)

    assert keys_of_run(session, run_id) == [run_key]
    begun.abandon()
    assert keys_of_run(session, run_id) == []
