"""Which files count as imported before by their mark alone, and what it takes until one may be given up."""

from uuid import uuid4

import pytest

from deployments.sandbox.images import make_small_ome_tiff
from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, NotConfirmed, OmeroUnavailable, SourceChanged, SourceMissing
from flows.core.omero_client import ImportDetails, confirm_held, find_marked, import_fileset, sudo
from flows.core.omero_client.commands import delete_filesets
from tests.contract import raw
from tests.support.courier import eventually

NO_WISHES = {"target": None, "details": ImportDetails()}


@pytest.fixture
def omero(stand_in):
    """The stand-in alone."""
    return stand_in


@pytest.fixture
def image(tmp_path, unique):
    """A file whose bytes OMERO does not hold yet."""
    return make_small_ome_tiff(tmp_path / f"{unique}.ome.tiff", seed=uuid4().int % 2**31)


@pytest.fixture
def companion(tmp_path):
    """A file that belongs to the image."""
    path = tmp_path / "companion.txt"
    path.write_bytes(b"first")
    return path


@pytest.fixture
def bring(session, stage):
    """Import files as one fileset, each time by another run."""

    def import_it(*paths):
        staged = stage(*paths)
        key = f"{uuid4()}/{staged.fileset.key}"
        return import_fileset(session, staged, control=Uncontrolled(), run_key=key, **NO_WISHES)

    return import_it


def confirm(by, imported, staged, *, control=None, **how):
    confirm_held(by, imported.fileset_id, staged.fileset.files, control=control or Uncontrolled(), **how)


def test_what_was_imported_and_not_touched_is_found_without_reading_it(session, stage, bring, image):
    imported, fileset = bring(image), stage(image).fileset
    image.unlink()

    found = find_marked(session, [fileset])
    assert found == {fileset.key: imported.model_copy(update={"key": fileset.key, "duplicate": True})}


def test_of_two_imports_the_older_one_is_found(session, stage, bring, image):
    first, _ = bring(image), bring(image)
    fileset = stage(image).fileset

    assert find_marked(session, [fileset])[fileset.key].fileset_id == first.fileset_id


def test_what_was_touched_is_not(session, stage, bring, image):
    bring(image)
    image.touch()

    assert find_marked(session, [stage(image).fileset]) == {}


@pytest.mark.parametrize(
    ("user", "group"), [("bob", "lab"), ("alice", "studio")], ids=["another user", "another group"]
)
def test_only_ones_own_in_the_same_group_is(*, omero, stage, bring, image, user, group):
    bring(image)

    with sudo(omero.server, user, group=group) as other:
        assert find_marked(other, [stage(image).fileset]) == {}


def test_what_was_deleted_in_omero_is_not(session, stage, bring, image):
    delete_filesets(session, [bring(image).fileset_id])

    assert find_marked(session, [stage(image).fileset]) == {}


def test_an_import_without_its_bytes_is_not(session, stage, image, run_key):
    raw.create(session, stage(image), run_key)

    assert find_marked(session, [stage(image).fileset]) == {}


def test_an_import_that_omero_is_in_the_middle_of_is_not(session, stage, image, run_key, trouble):
    trouble.hold("step-2")
    raw.start(session, stage(image), run_key)
    eventually(trouble.waiting, "its images are saved")

    assert find_marked(session, [stage(image).fileset]) == {}


def test_an_import_that_did_not_live_to_say_where_its_images_came_from_is_not(session, stage, image, run_key):
    handle = raw.start(session, stage(image), run_key)
    eventually(handle.getResponse, "it is imported")

    assert find_marked(session, [stage(image).fileset]) == {}


def test_many_filesets_take_a_question_for_each_five_hundred(session, stage, tmp_path, trouble):
    filesets = []
    for number in range(1200):
        path = tmp_path / f"{number}.bin"
        path.touch()
        filesets.append(stage(path).fileset)
    before = trouble.stats().calls.get("projection", 0)

    assert find_marked(session, filesets) == {}
    assert trouble.stats().calls["projection"] - before == 3


def test_the_same_bytes_are_confirmed(session, stage, bring, image, companion):
    imported = bring(image, companion)

    confirm(session, imported, stage(image, companion))


def test_what_is_left_of_a_fileset_is_confirmed_as_such_only(session, stage, bring, image, companion):
    imported = bring(image, companion)

    confirm(session, imported, stage(companion), whole=False)
    with pytest.raises(NotConfirmed, match="2 files"):
        confirm(session, imported, stage(companion))


@pytest.mark.parametrize(
    ("now", "why"), [(b"other", "other bytes"), (b"longer", "of 6 bytes")], ids=["as long", "longer"]
)
def test_other_bytes_are_not_confirmed(*, session, stage, bring, image, companion, now, why):
    imported = bring(image, companion)
    companion.write_bytes(now)

    with pytest.raises(NotConfirmed, match=why) as refused:
        confirm(session, imported, stage(image, companion))
    assert refused.value.which == str(companion)


def test_one_file_does_not_stand_for_two(*, session, stage, bring, image, companion, tmp_path):
    imported = bring(image, companion)
    twin = tmp_path / "twin.txt"
    twin.write_bytes(companion.read_bytes())

    with pytest.raises(NotConfirmed):
        confirm(session, imported, stage(companion, twin))


def test_bytes_are_read_now_whatever_was_noted_when_they_were_staged(session, stage, bring, image, companion):
    imported = bring(image, companion)
    staged = stage(image, companion)
    companion.write_bytes(b"other")

    with pytest.raises(NotConfirmed):
        confirm(session, imported, staged)


@pytest.mark.parametrize(
    ("change", "error"),
    [(lambda path: path.unlink(), SourceMissing), (lambda path: path.write_bytes(b"more than that"), SourceChanged)],
    ids=["gone", "grown"],
)
def test_a_file_that_is_not_what_it_was_is_told(*, session, stage, bring, image, companion, change, error):
    imported, staged = bring(image, companion), stage(image, companion)
    change(companion)

    with pytest.raises(error):
        confirm(session, imported, staged)


@pytest.mark.parametrize("algorithm", ["File-Size-64", "CRC-32", "Adler-32", "Murmur3-32"])
def test_a_short_checksum_confirms_nothing(session, stage, bring, image, algorithm):
    session.server = session.server.model_copy(update={"checksums": (algorithm,)})
    imported = bring(image)

    with pytest.raises(NotConfirmed, match=algorithm):
        confirm(session, imported, stage(image))


@pytest.mark.parametrize("algorithm", ["MD5-128", "Murmur3-128"])
def test_any_long_checksum_does(session, stage, bring, image, algorithm):
    session.server = session.server.model_copy(update={"checksums": (algorithm,)})
    imported = bring(image)

    confirm(session, imported, stage(image))


def test_a_fileset_that_was_deleted_confirms_nothing(session, stage, bring, image):
    imported = bring(image)
    delete_filesets(session, [imported.fileset_id])

    with pytest.raises(NotConfirmed, match="no fileset"):
        confirm(session, imported, stage(image))


def test_the_fileset_of_another_user_confirms_nothing(omero, stage, bring, image):
    imported = bring(image)

    with sudo(omero.server, "bob", group="lab") as bob, pytest.raises(NotConfirmed, match="of bob"):
        confirm(bob, imported, stage(image))


def test_images_that_cannot_be_read_confirm_nothing(session, stage, bring, image, trouble):
    imported = bring(image)
    trouble.fault("getRow", "omero.ResourceError")

    with pytest.raises(NotConfirmed, match="cannot read"):
        confirm(session, imported, stage(image))


def test_an_omero_that_is_away_says_nothing(session, stage, bring, image, trouble):
    imported = bring(image)
    trouble.fault("projection", "drop-connection")

    with pytest.raises(OmeroUnavailable):
        confirm(session, imported, stage(image))


def test_confirming_can_be_cancelled(session, stage, bring, image):
    class Cancelled(Uncontrolled):
        def check(self):
            raise ImportCancelled

    imported = bring(image)

    with pytest.raises(ImportCancelled):
        confirm(session, imported, stage(image), control=Cancelled())
