"""What an OMERO does for us with files that are put into its repository in place."""

import errno
import hashlib
import os
import uuid
from pathlib import Path

import pytest
from omero.constants.namespaces import NSFILETRANSFER

from flows.core.control import Uncontrolled
from flows.core.errors import ImportRefused, NotConfirmed, NotPlaced, OmeroError, OmeroFault, OmeroFull, SourceChanged
from flows.core.omero_client import ImportDetails, confirm_held, find_earlier, import_fileset, log_in
from flows.core.omero_client.annotations import TRANSFER
from flows.core.omero_client.cloning import copy
from flows.core.omero_client.placing import repository_of
from flows.core.omero_client.placing_words import placing_error
from flows.core.requests import Placement, StagedFile
from flows.core.settings import InPlace

pytestmark = pytest.mark.contract

EVERY = [Placement.LN_S, Placement.LN, Placement.CP]
LINKS = [Placement.LN_S, Placement.LN]


@pytest.fixture
def omero(stand_in):
    """The stand-in alone: only its disk is at hand."""
    return stand_in


@pytest.fixture
def repository(session):
    """Where the stand-in keeps its files."""
    return repository_of(session)


@pytest.fixture
def place(session, stage, run_key):
    """Import files in place."""

    def place(placement, *paths, staged=None, control=None):
        return import_fileset(
            session,
            staged or stage(*paths),
            target=None,
            details=ImportDetails(),
            control=control or Uncontrolled(),
            run_key=run_key,
            placement=placement,
        )

    return place


@pytest.fixture
def held(session, repository):
    """Say which files the repository holds of a fileset."""

    def held(fileset):
        rows = session.rows(
            "select o.path, o.name, o.size, o.hash from FilesetEntry e join e.originalFile o"
            " where e.fileset.id = :id order by e.id",
            id=fileset,
        )
        return [(repository / path / name, size, checksum) for path, name, size, checksum in rows]

    return held


def files_in(folder):
    return {path for path in folder.rglob("*") if not path.is_dir()}


def sha1(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("placement", EVERY)
def test_files_are_put_where_omero_would_write_them(place, held, small_ome_tiff, tmp_path, placement):
    empty, companion = tmp_path / "empty.txt", tmp_path / "notes.txt"
    empty.touch()
    companion.write_text("HeLa")
    imported = place(placement, small_ome_tiff, companion, empty)

    files = held(imported.fileset_id)
    sources = [small_ome_tiff, companion, empty]
    assert [each.is_symlink() for each, _, _ in files] == [placement is Placement.LN_S] * 3
    same = [each.samefile(source) for (each, _, _), source in zip(files, sources, strict=True)]
    assert same == [placement.is_link] * 3
    assert [(size, checksum) for _, size, checksum in files] == [(s.stat().st_size, sha1(s)) for s in sources]
    assert imported.images[0].size_x == 64


@pytest.mark.parametrize("placement", EVERY)
def test_omeros_own_clients_see_how_it_was_placed(session, place, small_ome_tiff, placement):
    imported = place(placement, small_ome_tiff)

    names = {Placement.LN_S: "Symlink", Placement.LN: "Hardlink", Placement.CP: "Copy"}
    texts = session.rows(
        "select a.textValue from CommentAnnotation a where a.ns = :ns and a.id in"
        " (select l.child.id from FilesetAnnotationLink l where l.parent.id = :id)",
        ns=NSFILETRANSFER,
        id=imported.fileset_id,
    )
    assert TRANSFER == NSFILETRANSFER
    assert texts == [(f"ome.formats.importer.transfers.{names[placement]}FileTransfer",)]


def test_a_file_as_long_as_the_text_that_proves_the_repository_gets_its_own_checksum(
    place, held, small_ome_tiff, tmp_path
):
    short = tmp_path / "short.txt"
    short.write_text("x" * len(str(uuid.uuid4())))
    imported = place(Placement.LN_S, small_ome_tiff, short)

    assert held(imported.fileset_id)[1][1:] == (36, sha1(short))


@pytest.mark.parametrize("placement", EVERY)
def test_progress_counts_every_byte_once(place, make_image, tmp_path, placement):
    class Watching(Uncontrolled):
        def __init__(self):
            self.heard = []

        def moved(self, key, stage, done, total):
            self.heard.append((done, total))

    control = Watching()
    image = make_image("cells.ome.tiff")
    place(placement, image, control=control)

    size = image.stat().st_size
    assert (size, size) in control.heard
    assert all(0 <= done <= size for done, _ in control.heard)


def test_a_repository_that_is_not_seen_here_is_told(session, place, left, small_ome_tiff, tmp_path):
    session.server = session.server.model_copy(update={"in_place": InPlace(repository=tmp_path / "elsewhere")})

    with pytest.raises(NotPlaced, match="does not see OMERO's repository"):
        place(Placement.LN_S, small_ome_tiff)
    assert left() == []


def test_another_repository_in_its_place_is_told(place, left, small_ome_tiff, monkeypatch):
    monkeypatch.setattr("flows.core.omero_client.placing._read", lambda location, check: b"somebody else's")

    with pytest.raises(NotPlaced, match="holds something else"):
        place(Placement.LN_S, small_ome_tiff)
    assert left() == []


@pytest.mark.parametrize("placement", EVERY)
def test_a_source_that_omero_cannot_read_is_told_and_leaves_nothing(
    *, trouble, place, left, repository, small_ome_tiff, placement
):
    before = files_in(repository)
    trouble.fault("size", "omero.ResourceError")

    with pytest.raises(NotPlaced, match="OMERO's server cannot read it"):
        place(placement, small_ome_tiff)
    assert left() == []
    assert files_in(repository) == before
    assert small_ome_tiff.is_file()


@pytest.mark.parametrize("placement", EVERY)
def test_a_file_that_omero_refuses_leaves_nothing_but_the_source(place, left, repository, tmp_path, placement):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0no image")
    before = files_in(repository)

    with pytest.raises(ImportRefused):
        place(placement, broken)
    assert left() == []
    assert files_in(repository) == before
    assert broken.read_bytes() == b"II*\0no image"


@pytest.mark.parametrize("placement", EVERY)
def test_a_source_that_changed_is_not_placed(place, stage, repository, small_ome_tiff, placement):
    staged = stage(small_ome_tiff)
    os.utime(small_ome_tiff, (1, 1))
    before = files_in(repository)

    with pytest.raises(SourceChanged):
        place(placement, staged=staged)
    assert files_in(repository) == before


@pytest.mark.parametrize("placement", LINKS)
def test_a_copy_that_is_removed_soon_is_not_linked_to(place, stage, left, small_ome_tiff, placement):
    with pytest.raises(NotPlaced, match="removed soon"):
        place(placement, staged=stage(small_ome_tiff, staged=True))
    assert left() == []


@pytest.mark.parametrize("placement", EVERY)
def test_what_an_attempt_placed_that_died_goes_before_the_next_one(
    *, omero, trouble, stage, repository, small_ome_tiff, run_key, placement
):
    before = files_in(repository)
    what = {"target": None, "details": ImportDetails(), "run_key": run_key, "placement": placement}
    trouble.fault("verifyUpload", "drop-connection")
    with log_in(omero.server, omero.user, omero.password) as first, pytest.raises(OmeroError):
        import_fileset(first, stage(small_ome_tiff), control=Uncontrolled(), **what)

    with log_in(omero.server, omero.user, omero.password) as second:
        assert files_in(repository) - before
        assert find_earlier(second, run_key) is None
        assert files_in(repository) == before
        again = import_fileset(second, stage(small_ome_tiff), control=Uncontrolled(), **what)
    assert len(again.images) == 1


def test_another_file_system_is_told_for_hard_links(place, left, repository, make_image):
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == repository.stat().st_dev:
        pytest.skip("there is no second file system at hand")
    image = other / f"{uuid.uuid4()}.ome.tiff"
    image.write_bytes(make_image("cells.ome.tiff").read_bytes())
    try:
        with pytest.raises(NotPlaced, match="another file system"):
            place(Placement.LN, image)
        assert left() == []
    finally:
        image.unlink()


@pytest.mark.parametrize(
    ("placement", "number", "kind", "words"),
    [
        (Placement.LN, errno.EPERM, NotPlaced, "does not let the courier's account hard-link"),
        (Placement.LN, errno.EXDEV, NotPlaced, "another file system"),
        (Placement.LN_S, errno.EACCES, NotPlaced, "may not write in OMERO's repository"),
        (Placement.CP, errno.EROFS, NotPlaced, "may not write in OMERO's repository"),
        (Placement.CP, errno.ENOSPC, OmeroFull, "no room"),
        (Placement.CP, errno.ESTALE, OmeroFault, "does not answer"),
        (Placement.CP, errno.ENAMETOOLONG, NotPlaced, "cannot be copied"),
    ],
)
def test_what_the_system_says_becomes_words(placement, number, kind, words):
    file = StagedFile(path="/data/a.tif", client_path="/data/a.tif", size=1)
    error = placing_error(OSError(number, os.strerror(number)), Path("/OMERO/x/a.tif"), file, placement)

    assert type(error) is kind
    assert words in str(error)
    assert error.which == "/data/a.tif"


@pytest.mark.parametrize("placement", EVERY)
def test_only_a_copy_counts_as_bytes_of_omeros_own(session, place, stage, small_ome_tiff, placement):
    imported = place(placement, small_ome_tiff)
    files = stage(small_ome_tiff).fileset.files

    if placement is Placement.CP:
        confirm_held(session, imported.fileset_id, files, control=Uncontrolled())
    else:
        with pytest.raises(NotConfirmed, match="imported in place"):
            confirm_held(session, imported.fileset_id, files, control=Uncontrolled())


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_copy_is_a_copy_with_and_without_the_kernels_help(tmp_path, monkeypatch, in_kernel):
    if not in_kernel:

        def refuse(*_):
            raise OSError(errno.EOPNOTSUPP, "not supported")

        monkeypatch.setattr(os, "copy_file_range", refuse)
    source, goal, steps = tmp_path / "a", tmp_path / "b", []
    source.write_bytes(os.urandom(9_000_001))
    with source.open("rb") as a, goal.open("wb") as b:
        copy(a.fileno(), b.fileno(), 9_000_001, steps.append)

    assert goal.read_bytes() == source.read_bytes()
    assert sum(steps) == 9_000_001
