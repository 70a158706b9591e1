"""Which files count as being in OMERO already, and which do not."""

import secrets
import shutil
from uuid import uuid4

import pytest

from deployments.sandbox.images import make_small_ome_tiff
from flows.core.control import Uncontrolled
from flows.core.errors import DuplicateUnderWay, ImportCancelled
from flows.core.names import agent_of
from flows.core.omero_client import (
    ImportDetails,
    find_duplicates,
    import_fileset,
    link_to_target,
    resolve_target,
    sudo,
)
from flows.core.omero_client.annotations import RUN
from flows.core.omero_client.holdings import marked
from flows.core.requests import Target
from tests.contract import raw
from tests.support.courier import eventually

NO_WISHES = {"target": None, "details": ImportDetails()}
NEW_RUN = "a run that looks for duplicates"


def yes(run_id):
    return True


def no(run_id):
    return False


@pytest.fixture
def omero(stand_in):
    """The stand-in alone."""
    return stand_in


@pytest.fixture
def image(tmp_path, unique):
    """A file whose bytes OMERO does not hold yet."""
    return make_small_ome_tiff(tmp_path / f"{unique}.ome.tiff", seed=uuid4().int % 2**31)


@pytest.fixture
def copy(tmp_path, image):
    """The same bytes under another name."""
    return shutil.copyfile(image, tmp_path / "copy.ome.tiff")


@pytest.fixture
def imported(session, stage, run_key, image):
    """The file is in OMERO."""
    return import_fileset(session, stage(image), control=Uncontrolled(), run_key=run_key, **NO_WISHES)


def duplicates(by, *staged, run_id=NEW_RUN, is_over=no, control=None):
    return find_duplicates(by, staged, run_id=run_id, is_over=is_over, control=control or Uncontrolled())


def test_the_same_bytes_under_another_name_are_found(session, stage, imported, copy):
    staged = stage(copy)
    looked = duplicates(session, staged)

    (found,) = looked.found.values()
    assert found == imported.model_copy(update={"key": staged.fileset.key, "duplicate": True})
    assert looked.under_way == {}


def test_other_bytes_of_the_same_size_are_not(session, stage, imported, copy):
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.write_bytes(changed)

    assert duplicates(session, stage(copy)) == ({}, {})


@pytest.mark.parametrize("more", [b"", b"x"], ids=["a file fewer", "another companion"])
def test_all_files_of_a_set_have_to_be_the_same(*, session, stage, run_key, image, tmp_path, more):
    companion = tmp_path / "companion.txt"
    companion.write_bytes(b"first")
    import_fileset(session, stage(image, companion), control=Uncontrolled(), run_key=run_key, **NO_WISHES)
    assert duplicates(session, stage(image, companion)).found

    companion.write_bytes(b"first" + more)
    assert duplicates(session, stage(image, companion) if more else stage(image)) == ({}, {})


def test_a_file_that_was_hashed_while_it_was_staged_is_not_read_again(session, stage, imported, copy):
    staged = stage(copy, staged=True, sha1=raw.sha1(copy))
    copy.unlink()

    assert duplicates(session, staged).found


def test_no_file_is_hashed_whose_size_is_new(session, stage, imported, copy):
    class NeverAsked(Uncontrolled):
        def check(self):
            raise ImportCancelled

    with copy.open("ab") as longer:
        longer.truncate(10_000_000 + secrets.randbelow(10_000_000))  # other tests leave files of this one's size

    assert duplicates(session, stage(copy), control=NeverAsked()) == ({}, {})


def test_hashing_can_be_cancelled(session, stage, imported, copy):
    class Cancelled(Uncontrolled):
        def check(self):
            raise ImportCancelled

    with pytest.raises(ImportCancelled):
        duplicates(session, stage(copy), control=Cancelled())


@pytest.mark.parametrize("algorithm", ["File-Size-64", "CRC-32", "Adler-32", "Murmur3-32"])
def test_a_short_checksum_is_no_proof(session, stage, run_key, image, algorithm):
    session.server = session.server.model_copy(update={"checksums": (algorithm,)})
    import_fileset(session, stage(image), control=Uncontrolled(), run_key=run_key, **NO_WISHES)

    assert duplicates(session, stage(image)) == ({}, {})


@pytest.mark.parametrize("algorithm", ["MD5-128", "Murmur3-128"])
def test_any_long_checksum_is(session, stage, run_key, image, algorithm):
    session.server = session.server.model_copy(update={"checksums": (algorithm,)})
    import_fileset(session, stage(image), control=Uncontrolled(), run_key=run_key, **NO_WISHES)

    assert duplicates(session, stage(image)).found


@pytest.mark.parametrize(
    ("user", "group"), [("bob", "lab"), ("alice", "studio")], ids=["another user", "another group"]
)
def test_only_ones_own_in_the_same_group_count(*, omero, stage, imported, copy, user, group):
    with sudo(omero.server, user, group=group) as other:
        assert duplicates(other, stage(copy)) == ({}, {})


def test_what_one_request_names_twice_is_imported_twice(session, stage, imported, copy, run_key):
    assert duplicates(session, stage(copy), run_id=run_key.split("/")[0]) == ({}, {})


def test_images_that_cannot_be_read_are_no_reason_to_skip(session, stage, imported, copy, trouble):
    trouble.fault("getRow", "omero.ResourceError")

    assert duplicates(session, stage(copy)) == ({}, {})


def test_an_import_that_another_run_has_begun_is_under_way(session, stage, image, run_key):
    staged = stage(image)
    raw.create(session, staged, run_key)

    looked = duplicates(session, staged)
    assert looked.found == {}
    assert isinstance(looked.under_way[staged.fileset.key], DuplicateUnderWay)
    assert len(marked(session, "Fileset", RUN, run_key)) == 1


def test_an_import_that_omero_is_in_the_middle_of_is_under_way(session, stage, image, run_key, trouble):
    trouble.hold("step-2")
    staged = stage(image)
    raw.start(session, staged, run_key)
    eventually(trouble.waiting, "its images are saved")

    assert list(duplicates(session, staged).under_way) == [staged.fileset.key]


def test_what_a_run_that_is_over_left_half_done_is_removed_and_counts_as_nothing(session, stage, image, run_key):
    staged = stage(image)
    raw.create(session, staged, run_key)

    assert duplicates(session, staged, is_over=yes) == ({}, {})
    assert marked(session, "Fileset", RUN, run_key) == []


def test_what_a_run_of_another_courier_is_at_is_left_alone_until_its_session_has_ended(omero, session, stage, image):
    staged, run = stage(image), str(uuid4())
    theirs = sudo(omero.server, "alice", agent=agent_of(run, 2))
    raw.create(theirs, staged, f"{run}/{staged.fileset.key}")

    with sudo(omero.server, "alice") as ours:
        assert list(duplicates(ours, staged, is_over=yes).under_way) == [staged.fileset.key]
        theirs.kill()
        assert duplicates(ours, staged, is_over=yes) == ({}, {})


def test_many_files_that_are_new_take_two_questions(session, stage, tmp_path, trouble):
    staged = []
    for number in range(25):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes(987_654 + number))
        staged.append(stage(path))
    before = trouble.stats().calls.get("projection", 0)

    assert duplicates(session, *staged) == ({}, {})
    assert trouble.stats().calls["projection"] - before == 2


def test_images_are_put_into_a_dataset_once(session, imported, unique):
    target = resolve_target(session, Target.parse(f"Dataset:name:{unique}"), make=True)

    assert [link_to_target(session, imported.images, target) for _ in range(2)] == [1, 0]
    linked = session.rows("select l.child.id from DatasetImageLink l where l.parent.id = :id", id=target.id)
    assert linked == [(imported.images[0].id,)]


def test_a_screen_takes_no_images(session, imported, unique):
    screen = resolve_target(session, Target.parse(f"Screen:name:{unique}"), make=True)

    assert link_to_target(session, imported.images, screen) == 0
