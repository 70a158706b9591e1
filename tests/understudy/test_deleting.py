"""Delete2: rows and files go, with what belongs to them, as OMERO's rules have it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.model
import pytest
import tifffile
from omero.rtypes import rstring

from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import begin, comment, dataset, delete, do_import, project, response, upload


@pytest.fixture
def alice(connect: Connect) -> Any:
    return connect("alice")


def names(response: Any) -> set[str]:
    return {name.rpartition(".")[2] for name in response.deletedObjects}


def exists(client: Any, kind: str, row_id: int) -> bool:
    return client.getSession().getQueryService().find(kind, row_id) is not None


def files_of(understudy: Understudy, name: str) -> list[Path]:
    return list(understudy.repository.rglob(name))


def test_a_fileset_goes_with_images_jobs_and_bytes(
    alice: Any, understudy: Understudy, image: Path, tmp_path: Path, unique: str
) -> None:
    named = image.rename(image.with_name(f"{unique}.ome.tiff"))
    made = do_import(alice, named).objects[0]
    assert files_of(understudy, named.name)
    report = delete(alice, "Fileset", made.fileset.id.val)

    assert {"Fileset", "Image", "Pixels", "Channel", "OriginalFile", "UploadJob", "FilesetEntry"} <= names(report)
    assert not exists(alice, "Image", made.id.val)
    assert not files_of(understudy, named.name)


def test_debris_of_a_broken_off_upload_can_be_deleted(
    alice: Any, understudy: Understudy, image: Path, unique: str
) -> None:
    named = image.rename(image.with_name(f"{unique}.ome.tiff"))
    process = begin(alice, [named])
    upload(process, [named])
    query = "select e.fileset.id from FilesetEntry e where e.clientPath = :path"
    ((fileset,),) = project(alice, query, path=str(named))

    assert "Fileset" in names(delete(alice, "Fileset", fileset))
    assert not files_of(understudy, named.name)


def test_a_dataset_takes_its_images_unless_another_dataset_holds_them(alice: Any, image: Path, unique: str) -> None:
    first, second = dataset(alice, unique), dataset(alice, unique)
    alone, shared = (do_import(alice, image, target=first).objects[0].id.val for _ in range(2))
    link = omero.model.DatasetImageLinkI()
    link.parent, link.child = second, omero.model.ImageI(shared, False)
    alice.getSession().getUpdateService().saveObject(link)
    delete(alice, "Dataset", first.id.val)

    assert not exists(alice, "Image", alone)
    assert exists(alice, "Image", shared)


def option(**names_by_field: list[str]) -> Any:
    made = omero.cmd.graphs.ChildOption()
    for field, values in names_by_field.items():
        setattr(made, field, values)
    return made


def test_excluded_children_stay(alice: Any, image: Path, unique: str) -> None:
    target = dataset(alice, unique)
    kept = do_import(alice, image, target=target).objects[0].id.val
    report = delete(alice, "Dataset", target.id.val, options=[option(excludeType=["Image"])])

    assert names(report) == {"Dataset", "DatasetImageLink"}
    assert exists(alice, "Image", kept)


def test_a_shared_tag_survives_and_a_lonely_comment_does_not(alice: Any, unique: str) -> None:
    first, second, tag = dataset(alice, unique), dataset(alice, unique), omero.model.TagAnnotationI()
    tag.setTextValue(rstring(unique))
    tag = alice.getSession().getUpdateService().saveAndReturnObject(tag)
    for thing, child in ((first, tag.proxy()), (second, tag.proxy()), (first, comment(unique))):
        link = omero.model.DatasetAnnotationLinkI()
        link.parent, link.child = thing, child
        alice.getSession().getUpdateService().saveObject(link)
    report = delete(alice, "Dataset", first.id.val)

    assert names(report) == {"Dataset", "DatasetAnnotationLink", "CommentAnnotation"}
    assert exists(alice, "TagAnnotation", tag.id.val)


def test_images_of_one_fileset_go_together_or_not_at_all(alice: Any, tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tiff:
        for size in (8, 16):
            tiff.write(np.zeros((size, 8), "uint8"), metadata=None)
    first, second = (image.id.val for image in do_import(alice, path).objects)
    refused = delete(alice, "Image", first)

    assert (refused.name, "may not delete" in refused.message) == ("graph-fail", True)
    assert exists(alice, "Image", first)
    assert "Fileset" in names(delete(alice, "Image", first, second))


def test_others_objects_are_not_deleted(alice: Any, connect: Connect, image: Path) -> None:
    made = do_import(alice, image).objects[0]
    refused = delete(connect("bob"), "Image", made.id.val)

    assert isinstance(refused, omero.cmd.GraphException)
    assert refused.message == f"not permitted to delete ome.model.core.Image[{made.id.val}]"
    assert exists(alice, "Image", made.id.val)


@pytest.mark.parametrize("kind", ["Image", "Dataset", "Fileset"])
def test_what_is_not_there_cannot_be_deleted(alice: Any, kind: str) -> None:
    assert "cannot read all the specified objects" in delete(alice, kind, 10**9).message


def test_a_dry_run_reports_and_deletes_nothing(alice: Any, unique: str) -> None:
    made = dataset(alice, unique)
    request = omero.cmd.Delete2(targetObjects={"Dataset": [made.id.val]}, dryRun=True)

    assert names(response(alice, alice.getSession().submit(request))) == {"Dataset"}
    assert exists(alice, "Dataset", made.id.val)


def test_several_requests_are_one_transaction(alice: Any, unique: str) -> None:
    made = dataset(alice, unique)
    requests = [omero.cmd.Delete2(targetObjects={"Dataset": [row_id]}) for row_id in (made.id.val, 10**9)]

    assert response(alice, alice.getSession().submit(omero.cmd.DoAll(requests, []))).name == "graph-fail"
    assert exists(alice, "Dataset", made.id.val)


def test_the_gateway_deletes(gateway: Callable[..., Any], alice: Any, unique: str) -> None:
    made, connection = dataset(alice, unique), gateway("alice")
    handle = connection.deleteObjects("Dataset", [made.id.val], deleteChildren=True)

    assert names(response(connection.c, handle)) == {"Dataset"}
    assert connection.getObject("Dataset", made.id.val) is None
