"""What an OMERO holds of tags, attachments, namespaces and containers that are made for an import: each once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from omero.model import TagAnnotationI
from omero.rtypes import rstring

from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, TargetNotFound
from flows.core.omero_client import (
    ImportDetails,
    LocalFile,
    attach_file,
    ensure_tags,
    existing,
    import_fileset,
    log_in,
    resolve_target,
    tie_to,
)
from flows.core.omero_client.attachments import ATTACHED
from flows.core.requests import Target

pytestmark = pytest.mark.contract


@pytest.fixture
def local(tmp_path, unique):
    """A file that may be attached."""

    def make(content: bytes = b"stain, then wash", name: str = f"{unique}.txt") -> LocalFile:
        (tmp_path / name).write_bytes(content)
        return LocalFile(path=str(tmp_path / name), client_path=f"/data/alice/{name}")

    return make


@pytest.fixture
def elsewhere(omero):
    """Another process of the same user, as far as OMERO can tell."""
    with log_in(omero.server, omero.user, omero.password) as opened:
        yield opened


def attach(session, file, **more):
    return attach_file(session, file, control=Uncontrolled(), **more)


def files_called(session, name):
    return session.rows("select f.id, f.hash from OriginalFile f where f.name = :name", name=name)


def test_a_tag_is_made_once_and_used_again(session, unique):
    first = ensure_tags(session, [unique, f"{unique} 2", unique])

    assert ensure_tags(session, [f"{unique} 2", unique]) == first[::-1]
    assert len(session.rows("select t.id from TagAnnotation t where t.textValue = :name", name=unique)) == 1


def test_what_groups_tags_is_no_tag(session, unique):
    group = TagAnnotationI()
    group.textValue, group.ns = rstring(unique), rstring("openmicroscopy.org/omero/insight/tagset")
    group = session.update.saveAndReturnObject(group)

    (tag,) = ensure_tags(session, [unique])

    assert tag != group.id.val
    assert ensure_tags(session, [unique]) == [tag]


def test_a_tag_that_somebody_makes_while_we_wait_for_our_turn_is_taken(session, elsewhere, unique):
    made = []

    @contextmanager
    def alone(names):
        made.extend(ensure_tags(elsewhere, [unique]))
        yield

    assert ensure_tags(session, [unique], alone=alone) == made


def test_a_dataset_that_somebody_makes_while_we_wait_for_our_turn_is_taken(session, elsewhere, unique):
    target = Target.parse(f"Project:name:{unique}/Dataset:name:{unique}")
    made = []

    @contextmanager
    def alone(names):
        assert {name.split("/")[1] for name in names} == {"Project", "Dataset"}
        made.append(resolve_target(elsewhere, target, make=True))
        yield

    assert resolve_target(session, target, make=True, alone=alone) == made[0]


def test_datasets_of_one_new_project_make_it_once(session, unique):
    targets = [Target.parse(f"Project:name:{unique}/Dataset:name:{number}") for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda target: resolve_target(session, target, make=True), targets))

    assert len({each.project_id for each in found}) == 1
    assert len({each.id for each in found}) == 6


@pytest.mark.parametrize("text", ["Dataset:@name:{}", "Screen:@name:{}", "Project:@name:{}/Dataset:@name:{}"])
def test_what_is_always_made_anew_is_made_once_for_each_import(session, unique, text):
    target = Target.parse(text.format(unique, unique))

    first, again, other = (
        resolve_target(session, target, make=True, mark=f"{unique}-{run}") for run in ("one", "one", "two")
    )

    assert first == again
    assert other.id != first.id
    assert resolve_target(session, target, make=False, mark=f"{unique}-three").to_make


def test_an_attachment_has_the_bytes_of_the_file_and_is_uploaded_once(session, elsewhere, local):
    file = local()

    first = attach(session, file)

    assert attach(elsewhere, file) == first
    assert len(files_called(session, file.name)) == 1
    rows = session.rows("select a.ns, a.description, a.file.size from FileAnnotation a where a.id = :id", id=first)
    assert rows == [(ATTACHED, f"From {file.client_path}", 16)]


def test_another_content_under_the_same_name_is_another_attachment(session, local):
    assert attach(session, local(b"one")) != attach(session, local(b"two"))


@pytest.mark.parametrize("size", [0, 9_000_000])
def test_attachments_of_any_size_arrive(session, local, size):
    attached = attach(session, local(b"x" * size))

    assert session.rows("select a.file.size from FileAnnotation a where a.id = :id", id=attached) == [(size,)]


def test_an_upload_that_broke_off_is_taken_up_and_leaves_nothing_behind(session, local):
    class Cancels(Uncontrolled):
        def pace(self, count):
            raise ImportCancelled

    file = local(b"z" * 5_000_000)
    with pytest.raises(ImportCancelled):
        attach_file(session, file, control=Cancels())

    attach(session, file)

    assert len(files_called(session, file.name)) == 1


@pytest.mark.parametrize("kind", ["Dataset", "Screen"])
def test_attachments_are_tied_to_a_container_once(session, elsewhere, local, unique, kind):
    target = resolve_target(session, Target.parse(f"{kind}:name:{unique}"), make=True)
    attached = attach(session, local())

    for each in (session, elsewhere, session):
        tie_to(each, target, [attached])

    links = session.rows(f"select l.child.id from {kind}AnnotationLink l where l.parent.id = :id", id=target.id)
    assert links == [(attached,)]


def test_images_carry_pairs_in_the_namespace_that_was_named_and_the_attachments(
    session, stage, small_tiff, local, unique
):
    details = ImportDetails(key_values={"Stain": "DAPI"}, namespace=unique, annotation_ids=(attach(session, local()),))

    imported = import_fileset(
        session, stage(small_tiff), target=None, details=details, control=Uncontrolled(), run_key=f"{unique}/{unique}"
    )

    links = "select l.child.id from ImageAnnotationLink l where l.parent.id = :image"
    (pairs,) = session.objects(
        f"select a from MapAnnotation a where a.ns = :ns and a.id in ({links})", ns=unique, image=imported.images[0].id
    )
    assert [(pair.name, pair.value) for pair in pairs.mapValue] == [("Stain", "DAPI")]
    files = session.rows(f"select a.id from FileAnnotation a where a.id in ({links})", image=imported.images[0].id)
    assert files == [(details.annotation_ids[0],)]


def test_an_annotation_that_is_not_there_is_told(session):
    with pytest.raises(TargetNotFound, match=str(2**61)):
        existing(session, [2**61])
