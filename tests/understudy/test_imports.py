"""Importing: directories, bytes, checksums, the five steps, and what is said when it cannot be done."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.model
import pytest
import tifffile

from deployments.sandbox.understudy.checksums import ALGORITHMS, checksum
from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import begin, comment, dataset, do_import, project, response, upload


@pytest.fixture
def alice(connect: Connect) -> Any:
    return connect("alice")


def test_an_image_arrives_with_its_dimensions_and_names(alice: Any, gateway: Callable[..., Any], image: Path) -> None:
    found = gateway("alice").getObject("Image", do_import(alice, image).objects[0].id.val)

    assert (found.getName(), found.getOwnerOmeName()) == ("cells.ome.tiff", "alice")
    assert [found.getSizeX(), found.getSizeY(), found.getSizeZ(), found.getSizeC(), found.getSizeT()] == [
        24,
        16,
        3,
        2,
        2,
    ]
    assert [channel.getLabel() for channel in found.getChannels(noRE=True)] == ["DAPI", "GFP"]
    assert str(found.getPixelSizeX(units=True)) == "0.25 MICROMETER"
    assert found.getPixelsType() == "uint16"


def test_an_image_is_put_where_it_was_asked_with_what_was_given(
    alice: Any, gateway: Callable[..., Any], image: Path, unique: str
) -> None:
    target = dataset(alice, unique)
    do_import(alice, image, target=target, name="renamed", description="words", annotations=[comment(unique)])
    (found,) = gateway("alice").getObject("Dataset", target.id.val).listChildren()

    assert (found.getName(), found.getDescription()) == ("renamed", "words")
    assert [annotation.getValue() for annotation in found.listAnnotations()] == [unique]


def test_the_stored_bytes_are_those_that_were_sent(alice: Any, understudy: Understudy, image: Path) -> None:
    fileset = do_import(alice, image).objects[0].fileset.id.val
    query = "select o.path, o.name, o.hash, o.size from FilesetEntry e join e.originalFile o where e.fileset.id = :id"
    ((path, name, digest, size),) = project(alice, query, id=omero.rtypes.rlong(fileset))
    stored = (understudy.repository / path / name).read_bytes()

    assert stored == image.read_bytes()
    assert (digest, size) == (hashlib.sha1(stored).hexdigest(), len(stored))


def test_files_lie_in_the_user_s_template_directory_with_three_parents(alice: Any, image: Path) -> None:
    fileset = do_import(alice, image).objects[0].fileset.id.val
    query = (
        "select f.templatePrefix, o.path from FilesetEntry e join e.fileset f join e.originalFile o where f.id = :id"
    )
    ((prefix, path),) = project(alice, query, id=omero.rtypes.rlong(fileset))

    assert prefix.startswith("alice_2/")
    assert path == prefix + "er/some/where/"


def test_files_that_belong_together_keep_their_places(
    alice: Any, understudy: Understudy, image: Path, tmp_path: Path
) -> None:
    companion = tmp_path / "deep" / "er" / "notes.txt"
    companion.write_text("notes")
    fileset = do_import(alice, image, companion).objects[0].fileset.id.val
    query = "select o.path, o.name from FilesetEntry e join e.originalFile o where e.fileset.id = :id order by e.id"
    first, second = project(alice, query, id=omero.rtypes.rlong(fileset))

    assert first[0] == second[0] + "some/where/"
    assert (understudy.repository / second[0] / second[1]).read_text() == "notes"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_server_checks_with_every_algorithm(alice: Any, image: Path, algorithm: str) -> None:
    process = begin(alice, [image], algorithm)
    upload(process, [image])
    handle = process.verifyUpload([checksum(image, algorithm)])

    assert isinstance(response(alice, handle), omero.grid.ImportResponse)


def test_a_wrong_checksum_is_named_and_can_be_repaired(alice: Any, image: Path) -> None:
    process = begin(alice, [image])
    store = process.getUploader(0)
    store.write(b"something else", 0, 14)
    store.close()
    digest = checksum(image, "SHA1-160")
    with pytest.raises(omero.ChecksumValidationException) as mismatch:
        process.verifyUpload([digest])
    process.getUploader(0).truncate(0)

    assert mismatch.value.failingChecksums == {0: hashlib.sha1(b"something else").hexdigest()}
    assert upload(process, [image]) == [digest]
    assert isinstance(response(alice, process.verifyUpload([digest])), omero.grid.ImportResponse)


def test_a_file_that_was_never_sent_fails_with_an_empty_checksum(alice: Any, image: Path) -> None:
    with pytest.raises(omero.ChecksumValidationException) as mismatch:
        begin(alice, [image]).verifyUpload(["whatever"])

    assert mismatch.value.failingChecksums == {0: ""}


def test_the_wrong_number_of_checksums_is_refused(alice: Any, image: Path) -> None:
    with pytest.raises(omero.ApiUsageException, match="hashes size should be 1 not 0"):
        begin(alice, [image]).verifyUpload([])


BROKEN = {
    "no-image-format": ("notes.txt", b"words", "UnknownFormatException"),
    "not-a-tiff-inside": ("cells.tif", b"words that are no TIFF", "UnknownFormatException"),
    "empty": ("cells.tif", b"", "UnknownFormatException"),
    "damaged-directory": ("cells.tif", b"II*\0\xff\xff\xff\x7f", "FormatException"),
}


@pytest.mark.parametrize(("name", "content", "cause"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_opened_gives_omero_s_error_and_no_image(
    alice: Any, tmp_path: Path, name: str, content: bytes, cause: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    before = project(alice, "select count(i) from Image i")
    failed = do_import(alice, file)

    assert (failed.category, failed.name) == ("::omero::grid::ImportRequest", "error-on-init")
    assert cause in failed.parameters["stacktrace"]
    assert project(alice, "select count(i) from Image i") == before


def truncated(image: Path) -> Path:
    """The directories are whole, the last pixels are missing."""
    path = image.with_name("truncated.tif")
    tifffile.imwrite(path, np.zeros((64, 64), "uint8"))
    path.write_bytes(path.read_bytes()[:-100])
    return path


def test_missing_pixels_are_found_after_the_image_was_saved(alice: Any, image: Path, unique: str) -> None:
    """An ERR does not mean that nothing was made: clients must look."""
    target = dataset(alice, unique)
    failed = do_import(alice, truncated(image), target=target)
    query = "select count(l) from DatasetImageLink l where l.parent.id = :id"

    assert failed.name == "import-file-exception"
    assert project(alice, query, id=target.id) == [[1]]


def test_missing_pixels_go_unnoticed_without_statistics(alice: Any, image: Path) -> None:
    assert isinstance(do_import(alice, truncated(image), no_stats=True), omero.grid.ImportResponse)


def test_several_images_of_one_file_are_named_by_their_place(alice: Any, tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.zeros((8, 8), "uint8"), metadata=None)
        tiff.write(np.zeros((16, 8), "uint8"), metadata=None)
    made = do_import(alice, path).objects

    assert [image.name.val for image in made] == ["two.tif [0]", "two.tif [1]"]


def test_the_fileset_is_there_with_its_annotations_before_the_first_byte(alice: Any, image: Path, unique: str) -> None:
    begin(alice, [image], fileset_annotations=[comment(unique)])
    query = (
        "select l.parent.id from FilesetAnnotationLink l where l.child.id in "
        "(select a.id from CommentAnnotation a where a.ns = :ns and a.textValue = :key)"
    )
    ((fileset,),) = project(alice, query, {"omero.group": "-1"}, ns="example.org/tests", key=unique)
    jobs = "select j.status.value from FilesetJobLink l join l.child j where l.parent.id = :id order by l.id"

    assert project(alice, jobs, id=omero.rtypes.rlong(fileset)) == [["Waiting"]] * 5
    assert project(alice, "select i.id from Image i where i.fileset.id in (:ids)", ids=[fileset]) == []


def test_an_import_is_resumed_within_its_session(
    alice: Any, join: Callable[..., Any], image: Path, unique: str
) -> None:
    data = image.read_bytes()
    process = begin(alice, [image], fileset_annotations=[comment(unique)])
    process.getUploader(0).write(data[:1000], 0, 1000)
    other = join(alice.getSessionId())
    again = next(
        one for one in other.getManagedRepository().listImports() if one.ice_getIdentity() == process.ice_getIdentity()
    )
    offset = again.getUploadOffset(0)
    again.getUploader(0).write(data[offset:], offset, len(data) - offset)
    again.getUploader(0).close()

    assert offset == 1000
    assert isinstance(response(other, again.verifyUpload([checksum(image, "SHA1-160")])), omero.grid.ImportResponse)


def test_a_client_downloads_what_it_uploaded(alice: Any, image: Path, tmp_path: Path) -> None:
    do_import(alice, image)
    query = "select max(o.id) from OriginalFile o where o.name = :name"
    ((file_id,),) = project(alice, query, name=image.name)
    copy = tmp_path / "copy"
    alice.download(omero.model.OriginalFileI(file_id, False), str(copy))

    assert copy.read_bytes() == image.read_bytes()


def test_a_file_is_attached_and_read_back(alice: Any, image: Path, tmp_path: Path) -> None:
    attached = alice.upload(str(image))
    copy = tmp_path / "copy"
    alice.download(attached.proxy(), str(copy))

    assert project(alice, "select o.size from OriginalFile o where o.id = :id", id=attached.id) == [
        [image.stat().st_size]
    ]
    assert copy.read_bytes() == image.read_bytes()


@pytest.mark.parametrize("links", [0, 2], ids=["none", "two"])
def test_a_fileset_needs_exactly_one_job(alice: Any, image: Path, links: int) -> None:
    fileset, settings = omero.model.FilesetI(), omero.grid.ImportSettings()
    entry = omero.model.FilesetEntryI()
    entry.setClientPath(omero.rtypes.rstring(str(image)))
    fileset.addFilesetEntry(entry)
    for _ in range(links):
        fileset.linkJob(omero.model.UploadJobI())
    repository = alice.getManagedRepository()
    settings.checksumAlgorithm = repository.listChecksumAlgorithms()[0]

    with pytest.raises(omero.ValidationException, match="job link"):
        repository.importFileset(fileset, settings)


def test_the_server_prefers_sha1(alice: Any) -> None:
    names = [algorithm.value.val for algorithm in alice.getManagedRepository().listChecksumAlgorithms()]

    assert names == list(ALGORITHMS)
    assert names[0] == "SHA1-160"
