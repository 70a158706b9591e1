"""OMERO.insight's offline import, as it is sent: with a port or without, into a dataset, a screen, or nothing."""

import pytest

from tests.support.api import Door

from .clients import insight_request, insight_submits

ELSEWHERE = {"host": "omero.example.org", "port": 14064, "service_account": {"user": "courier", "password": "unused"}}
NO_PORT = ("omero.example.org", None)


def sent(door: Door, omero: tuple[str, int | None] = ("omero.invalid", None), **more: int) -> dict:
    return insight_request(door.image(), user="alice", omero=omero, key="alice-session", **more)


@pytest.mark.parametrize(
    ("where", "target"),
    [({"dataset": 5}, "Dataset:id:5"), ({"screen": 7}, "Screen:id:7"), ({}, None)],
    ids=["a dataset", "a screen", "nothing"],
)
def test_a_file_goes_where_its_user_chose(door: Door, where: dict[str, int], target: str | None) -> None:
    status = insight_submits(f"{door.client.base_url}/ome/import", [sent(door, tag=3, **where)])

    [run] = door.runs.kept.values()
    assert status == 200
    assert (run.request.get("target"), run.request["annotation_ids"]) == (target, [3])


def test_a_dataset_and_a_screen_are_refused(door: Door) -> None:
    answer = door.client.post("/ome/import", json=[sent(door, dataset=5, screen=7)])

    assert (answer.status_code, answer.json()) == (400, {"reason": "1: datasetId and screenId are mutually exclusive"})


def test_without_a_port_the_usual_one_is_meant(door_with) -> None:
    door = door_with(servers={"main": ELSEWHERE})

    answer = door.client.post("/ome/import", json=[sent(door, NO_PORT)])

    said = "1: omeroHost, omeroPort: omero.example.org:4064 is none of the OMERO servers of this courier."
    assert answer.status_code == 400
    assert answer.json()["reason"].startswith(said)


@pytest.mark.parametrize("omero", [NO_PORT, ("omero.example.org", 14064), ("omero.example.org", 4064)])
def test_an_alias_with_the_usual_port_is_a_server_on_another_one(door_with, omero: tuple[str, int | None]) -> None:
    door = door_with(servers={"main": {**ELSEWHERE, "aliases": ["omero.example.org:4064"]}})

    assert door.client.post("/ome/import", json=[sent(door, omero)]).status_code == 200


def test_an_alias_without_a_port_has_that_of_its_server(door_with) -> None:
    door = door_with(servers={"main": {**ELSEWHERE, "aliases": ["10.0.0.5"]}})

    answers = [door.client.post("/ome/import", json=[sent(door, ("10.0.0.5", port))]) for port in (None, 14064)]

    assert [answer.status_code for answer in answers] == [400, 200]
