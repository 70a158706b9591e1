"""What an OMERO does for us with imports."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from omero.rtypes import unwrap

from flows.core.checksums import ALGORITHMS, new_hash
from flows.core.control import Stage, Uncontrolled
from flows.core.errors import ImportCancelled, ImportRefused, SourceChanged, SourceMissing, TargetNotFound
from flows.core.omero_client import ImportDetails, find_earlier, import_fileset, resolve_target
from flows.core.omero_client.annotations import CLIENT_MAP, PROVENANCE
from flows.core.omero_client.orders import import_settings, new_fileset
from flows.core.requests import Target

pytestmark = pytest.mark.contract


class Watching(Uncontrolled):
    """Remembers what it heard, and stops the import in one stage."""

    def __init__(self, stop_in=None):
        self.heard = []
        self._stop_in = stop_in

    def moved(self, key, stage, done, total):
        self.heard.append((stage, done, total))

    def check(self):
        if self.heard and self.heard[-1][0] is self._stop_in:
            raise ImportCancelled


@pytest.fixture
def bring(session, stage, run_key):
    """Import files without further wishes."""

    def bring(*paths, target=None, control=None, key=run_key, staged=None, **details):
        return import_fileset(
            session,
            staged or stage(*paths),
            target=target,
            details=ImportDetails(**details),
            control=control or Watching(),
            run_key=key,
        )

    return bring


def annotations(session, image, kind):
    return session.objects(
        f"select a from {kind} a where a.id in"
        " (select l.child.id from ImageAnnotationLink l where l.parent.id = :image) order by a.id",
        image=image,
    )


def test_an_image_is_read_back_with_its_sizes(bring, small_ome_tiff, run_key):
    imported = bring(small_ome_tiff)

    image = imported.images[0]
    assert (image.size_x, image.size_y, image.size_z, image.size_c, image.size_t) == (64, 64, 3, 2, 2)
    assert (imported.name, imported.key) == (small_ome_tiff.name, run_key.split("/")[1])


def test_the_images_are_the_users_and_in_the_dataset(session, bring, small_ome_tiff, unique):
    target = resolve_target(session, Target.parse(f"Project:name:{unique}/Dataset:name:{unique}"), make=True)
    imported = bring(small_ome_tiff, target=target)

    linked = session.rows("select l.child.id from DatasetImageLink l where l.parent.id = :id", id=target.id)
    owner = session.rows("select i.details.owner.id from Image i where i.id = :id", id=imported.images[0].id)
    assert linked == [(imported.images[0].id,)]
    assert owner == [(session.user_id,)]
    assert (imported.target_kind, imported.target_id) == ("Dataset", target.id)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_both_sides_compute_the_same_checksum(session, bring, small_ome_tiff, algorithm):
    session.server = session.server.model_copy(update={"checksums": (algorithm,)})
    imported = bring(small_ome_tiff)

    expected = new_hash(algorithm)
    expected.update(small_ome_tiff.read_bytes())
    rows = session.rows(
        "select o.hash, h.value from FilesetEntry e join e.originalFile o join o.hasher h where e.fileset.id = :id",
        id=imported.fileset_id,
    )
    assert rows == [(expected.hexdigest(), algorithm)]


def test_progress_counts_every_byte_and_then_the_import(bring, small_ome_tiff):
    control = Watching()
    bring(small_ome_tiff, control=control)

    size = small_ome_tiff.stat().st_size
    uploads = [done for stage, done, _ in control.heard if stage is Stage.UPLOAD]
    imports = [done for stage, done, _ in control.heard if stage is Stage.IMPORT]
    assert (uploads[0], uploads[-1], imports[0]) == (0, size, 0)
    assert imports == sorted(imports)
    assert {total for _, _, total in control.heard} == {size}


def test_a_fileset_of_many_files_arrives_whole_empty_ones_included(session, bring, small_ome_tiff, tmp_path):
    companions = [tmp_path / f"companion-{n}.txt" for n in range(7)]
    for number, path in enumerate(companions):
        path.write_bytes(b"x" * number)
    imported = bring(small_ome_tiff, *companions)

    rows = session.rows(
        "select o.hash from FilesetEntry e join e.originalFile o where e.fileset.id = :id order by e.id",
        id=imported.fileset_id,
    )
    assert [row[0] for row in rows] == [
        hashlib.sha1(path.read_bytes()).hexdigest() for path in (small_ome_tiff, *companions)
    ]


def test_a_file_of_several_chunks_arrives_whole(session, bring, small_ome_tiff, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20_000_000))
    imported = bring(small_ome_tiff, large)

    rows = session.rows(
        "select o.size, o.hash from FilesetEntry e join e.originalFile o where e.fileset.id = :id order by e.id",
        id=imported.fileset_id,
    )
    assert rows[1] == (20_000_000, hashlib.sha1(large.read_bytes()).hexdigest())


def test_several_filesets_are_imported_over_one_session(bring, make_image, run_key):
    paths = [make_image(f"cells-{n}.ome.tiff") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        imported = list(pool.map(lambda n: bring(paths[n], key=f"{run_key}{n}"), range(4)))

    assert [each.name for each in imported] == [path.name for path in paths]
    assert len({each.fileset_id for each in imported}) == 4


def test_name_description_and_annotations_reach_the_image(session, bring, small_ome_tiff, unique):
    imported = bring(
        small_ome_tiff,
        name=unique,
        description="seen",
        key_values={"Cell line": "HeLa", "Stain": "DAPI"},
        comments=("first", "second"),
    )

    image = session.objects("select i from Image i where i.id = :id", id=imported.images[0].id)[0]
    maps = [each for each in annotations(session, image.id.val, "MapAnnotation") if unwrap(each.ns) == CLIENT_MAP]
    assert unique in imported.images[0].name
    assert unwrap(image.description) == "seen"
    assert [(pair.name, pair.value) for pair in maps[0].mapValue] == [("Cell line", "HeLa"), ("Stain", "DAPI")]
    comments = annotations(session, image.id.val, "CommentAnnotation")
    assert [unwrap(each.textValue) for each in comments] == ["first", "second"]


def test_a_tag_is_made_once_and_then_used_again(session, bring, make_image, unique, run_key):
    first = bring(make_image("a.ome.tiff"), tags=(unique,), key=f"{run_key}1")
    second = bring(make_image("b.ome.tiff"), tags=(unique, unique), key=f"{run_key}2")

    tags = [
        [unwrap(tag.textValue) for tag in annotations(session, each.images[0].id, "TagAnnotation")]
        for each in (first, second)
    ]
    assert tags == [[unique], [unique]]
    assert len(session.rows("select t.id from TagAnnotation t where t.textValue = :name", name=unique)) == 1


def test_existing_annotations_are_linked_by_id(session, bring, make_image, unique, run_key):
    bring(make_image("a.ome.tiff"), tags=(unique,), key=f"{run_key}1")
    tag = session.rows("select t.id from TagAnnotation t where t.textValue = :name", name=unique)[0][0]
    imported = bring(make_image("b.ome.tiff"), annotation_ids=(tag,), key=f"{run_key}2")

    assert [each.id.val for each in annotations(session, imported.images[0].id, "TagAnnotation")] == [tag]


def test_an_unknown_annotation_is_refused_before_anything_is_uploaded(left, bring, small_ome_tiff):
    with pytest.raises(TargetNotFound, match=str(2**62)):
        bring(small_ome_tiff, annotation_ids=(2**62,))

    assert left() == []


def test_each_image_says_where_it_came_from(session, bring, small_ome_tiff, run_key):
    imported = bring(small_ome_tiff)

    maps = annotations(session, imported.images[0].id, "MapAnnotation")
    (provenance,) = [each for each in maps if unwrap(each.ns) == PROVENANCE]
    said = {pair.name: pair.value for pair in provenance.mapValue}
    assert said["Import"] == run_key.split("/")[0]
    assert said["Asked by"] == session.user
    assert said["Source"] == str(small_ome_tiff)
    assert said["Checksum SHA1-160"] == hashlib.sha1(small_ome_tiff.read_bytes()).hexdigest()


def test_a_later_attempt_finds_what_was_imported_and_adds_nothing(session, bring, small_ome_tiff, run_key):
    imported = bring(small_ome_tiff)
    found = find_earlier(session, run_key)

    assert found == imported
    maps = annotations(session, imported.images[0].id, "MapAnnotation")
    assert [unwrap(each.ns) for each in maps] == [PROVENANCE]


def test_a_later_attempt_finds_nothing_where_nothing_was(session, run_key):
    assert find_earlier(session, run_key) is None


def test_a_later_attempt_removes_what_a_dead_client_left(session, left, stage, small_ome_tiff, run_key):
    settings = import_settings(session, None, ImportDetails(), [])
    session.repository.importFileset(new_fileset(stage(small_ome_tiff), run_key, "nonce"), settings)
    assert left()

    assert find_earlier(session, run_key) is None
    assert left() == []


def test_a_broken_image_is_refused_and_leaves_nothing(left, bring, tmp_path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0" + b"\xff" * 300)

    with pytest.raises(ImportRefused):
        bring(broken)
    assert left() == []


@pytest.mark.parametrize("stop_in", [Stage.UPLOAD, Stage.IMPORT])
def test_a_cancelled_import_leaves_nothing(left, bring, small_ome_tiff, stop_in):
    with pytest.raises(ImportCancelled):
        bring(small_ome_tiff, control=Watching(stop_in))

    assert left() == []


CHANGES = {
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"more"), SourceChanged),
    "touched": (lambda path: os.utime(path, ns=(1, 1)), SourceChanged),
    "gone": (os.remove, SourceMissing),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_since_it_was_checked_leaves_nothing(left, bring, stage, small_ome_tiff, change):
    staged = stage(small_ome_tiff)
    make_it_so, failure = CHANGES[change]
    make_it_so(small_ome_tiff)

    with pytest.raises(failure, match=small_ome_tiff.name):
        bring(staged=staged)
    assert left() == []


def test_a_copy_that_is_not_what_was_staged_is_not_imported(left, bring, stage, small_ome_tiff):
    staged = stage(small_ome_tiff, staged=True, sha1=hashlib.sha1(b"what was read from the source").hexdigest())

    with pytest.raises(SourceChanged):
        bring(staged=staged)
    assert left() == []
