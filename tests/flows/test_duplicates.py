"""The same content again is not imported again: the user's own image is put where it was asked for."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from omero.gateway import BlitzGateway

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from tests.support.courier import Courier

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]


@pytest.fixture
def omero(sandbox: Running) -> Iterator[Any]:
    gateway = BlitzGateway(
        "alice", sandbox.logins["alice"], host=sandbox.omero_host, port=sandbox.omero_ssl_port, secure=True
    )
    assert gateway.connect(), gateway.getLastError()
    yield gateway
    gateway.close()


def images_of(omero: Any, dataset: str) -> list[int]:
    (found,) = omero.getObjects("Dataset", attributes={"name": dataset})
    return [image.getId() for image in omero.getObjects("Image", opts={"dataset": found.getId()})]


def test_the_same_content_under_another_name_is_put_into_the_other_dataset(alice: Courier, omero: Any) -> None:
    first = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    again = alice.folder() / "copy of cells.ome.tiff"
    shutil.copy(first, again)
    told = alice.outcome(alice.asks(first))

    ended = alice.outcome(number := alice.asks(again))

    (held,) = told["filesets"][0]["images"]
    assert (ended["state"], ended["filesets"][0]["images"][0]["id"]) == ("completed", held["id"])
    assert images_of(omero, again.parent.name) == images_of(omero, first.parent.name) == [held["id"]]
    (letter,) = alice.mails(number)
    assert "already" in str(letter.get_body(("plain",)))


@pytest.mark.thorough
def test_a_duplicate_is_imported_when_it_is_asked_for(alice: Courier, omero: Any) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")

    outcomes = [alice.outcome(alice.asks(image, duplicates=wish)) for wish in ("skip", "import")]

    assert len({each["filesets"][0]["images"][0]["id"] for each in outcomes}) == 2
    assert len(images_of(omero, image.parent.name)) == 2


def test_two_imports_of_the_same_file_at_once_bring_it_in_once(alice: Courier, omero: Any) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")

    both = [alice.asks(image) for _ in range(2)]

    outcomes = [alice.outcome(each) for each in both]
    assert [each["state"] for each in outcomes] == ["completed", "completed"]
    assert len({each["filesets"][0]["images"][0]["id"] for each in outcomes}) == 1
    assert len(images_of(omero, image.parent.name)) == 1
