"""ezomero, unmodified."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ezomero
import pytest

from tests.support.understudy import Understudy
from tests.understudy.conftest import Connect
from tests.understudy.plain import do_import


@pytest.fixture
def connection(understudy: Understudy) -> Iterator[Any]:
    opened = ezomero.connect("alice", "alice", "", understudy.host, understudy.ssl_port, secure=True)
    assert opened
    yield opened
    opened.close()


def test_containers_are_made_and_found(connection: Any, unique: str) -> None:
    project = ezomero.post_project(connection, unique, "described")
    dataset = ezomero.post_dataset(connection, unique, project_id=project)

    assert ezomero.get_dataset_ids(connection, project=project) == [dataset]
    assert project in ezomero.get_project_ids(connection)
    assert ezomero.get_image_ids(connection, dataset=dataset) == []


def test_screens_are_made(connection: Any, unique: str) -> None:
    assert ezomero.post_screen(connection, unique) > 0


def test_an_imported_image_is_found_with_its_files(connection: Any, connect: Connect, image: Path, unique: str) -> None:
    dataset = ezomero.post_dataset(connection, unique)
    target = connection.getObject("Dataset", dataset)._obj
    image_id = do_import(connect("alice"), image, target=target.proxy()).objects[0].id.val

    assert ezomero.get_image_ids(connection, dataset=dataset) == [image_id]
    (path,) = ezomero.get_original_filepaths(connection, image_id)
    assert path.startswith("alice_2/")
    assert path.endswith("some/where/cells.ome.tiff")


def test_map_annotations_are_posted_and_read(connection: Any, unique: str) -> None:
    dataset = ezomero.post_dataset(connection, unique)
    made = ezomero.post_map_annotation(connection, "Dataset", dataset, {"stain": "DAPI"}, ns=unique)

    assert ezomero.get_map_annotation_ids(connection, "Dataset", dataset, ns=unique) == [made]
    assert ezomero.get_map_annotation(connection, made) == {"stain": "DAPI"}


def test_users_and_groups_are_looked_up(connection: Any) -> None:
    assert ezomero.get_group_id(connection, "lab") == 3
    assert ezomero.get_user_id(connection, "bob") == 3


def test_somebody_acts_for_another(gateway: Callable[..., Any]) -> None:
    acting = gateway("courier-service").suConn("bob", group="teaching")

    assert (acting.getUser().getName(), acting.getGroupFromContext().getName()) == ("bob", "teaching")
    acting.close()


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "insecure"])
def test_a_gateway_connects(gateway: Callable[..., Any], secure: bool) -> None:
    assert gateway("bob", secure=secure).getUser().getFullName() == "Bob Example"
