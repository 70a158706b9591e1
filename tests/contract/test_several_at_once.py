"""What an OMERO does for us with several filesets at once: told apart and read back together, each for itself."""

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import CourierError, DuplicateUnderWay, OmeroFault
from flows.core.omero_client import ImportDetails, ask_for_import, begin_import, confirm, know_apart
from flows.core.omero_client.annotations import PROVENANCE, RUN
from flows.core.omero_client.holdings import marked

NO_WISHES = {"target": None, "details": ImportDetails()}
NAMES = ("one", "two", "three")


@pytest.fixture
def omero(stand_in):
    """The stand-in alone: its calls are counted, and fail when they are to."""
    return stand_in


@pytest.fixture
def keys(run_key):
    return [f"{run_key}-{name}" for name in NAMES]


@pytest.fixture
def staged(stage, make_image):
    return [stage(make_image(f"{name}.ome.tiff")) for name in NAMES]


@pytest.fixture
def brought(session, staged, keys):
    """All of them uploaded and imported, none read back."""
    asked = [ask_for_import(session, each, run_key=key, **NO_WISHES) for each, key in zip(staged, keys, strict=True)]
    assert know_apart(session, asked) == {}
    for each in asked:
        each.bring(Uncontrolled())
    return asked


def calls(trouble, operation):
    return trouble.stats().calls.get(operation, 0)


def test_each_gets_its_own_images_which_say_where_they_came_from(session, brought, keys, trouble):
    before = {call: calls(trouble, call) for call in ("createRawPixelsStore", "saveArray", "projection")}
    confirmed = confirm(session, brought)
    after = {call: calls(trouble, call) for call in before}

    assert [confirmed[key].name for key in keys] == [f"{name}.ome.tiff" for name in NAMES]
    for each, key in zip(brought, keys, strict=True):
        of_its_own = session.rows("select i.id from Image i where i.fileset.id = :id", id=each.fileset_id)
        assert [(image.id,) for image in confirmed[key].images] == of_its_own
        assert sources(session, of_its_own[0][0]) == [name for name in NAMES if key.endswith(name)]
    asked = {call: after[call] - before[call] for call in before}
    assert (asked["createRawPixelsStore"], asked["saveArray"]) == (1, 1)
    assert asked["projection"] < 2 * len(NAMES)


def sources(session, image):
    """The names of the files that an image says it came from."""
    said = session.objects(
        "select a from MapAnnotation a where a.ns = :namespace and a.id in"
        " (select l.child.id from ImageAnnotationLink l where l.parent.id = :image)",
        namespace=PROVENANCE,
        image=image,
    )
    paths = [pair.value for each in said for pair in each.mapValue if pair.name == "Source"]
    return [path.rpartition("/")[2].removesuffix(".ome.tiff") for path in paths]


def test_one_that_cannot_be_read_is_removed_and_the_others_count(session, brought, keys, trouble):
    # Once among all, once more when each is looked at by itself: of two rows each, the first of the second.
    trouble.fault("getRow", "omero.ResourceError", after=0)
    trouble.fault("getRow", "omero.ResourceError", after=2)
    confirmed = confirm(session, brought)

    failed = [key for key in keys if isinstance(confirmed[key], CourierError)]
    assert len(failed) == 1
    assert isinstance(confirmed[failed[0]], OmeroFault)
    assert [bool(marked(session, "Fileset", RUN, key)) for key in keys] == [key not in failed for key in keys]


def test_one_that_another_attempt_began_before_gives_way_and_the_others_go_on(session, staged, keys):
    first = begin_import(session, staged[1], run_key=keys[1], **NO_WISHES)
    asked = [ask_for_import(session, each, run_key=key, **NO_WISHES) for each, key in zip(staged, keys, strict=True)]
    late = know_apart(session, asked)

    assert set(late) == {keys[1]}
    assert isinstance(late[keys[1]], DuplicateUnderWay)
    assert marked(session, "Fileset", RUN, keys[1]) == [first.fileset_id]
    for each in (asked[0], asked[2], first):
        assert each.finish(Uncontrolled()).images


def test_all_wait_when_the_connection_is_lost(session, brought, keys, trouble):
    trouble.fault("getRow", "drop-connection", times=None)
    confirmed = confirm(session, brought)

    assert {confirmed[key].transient for key in keys} == {True}
