"""What a load balancer and an operator ask."""

from api.runs import EngineAway
from flows.core.errors import OmeroUnavailable


def test_all_is_well(bare_door) -> None:
    assert bare_door.client.get("/health/live").json() == {"status": "live"}
    assert bare_door.client.get("/health/ready").json() == {"status": "ready"}


def test_what_is_away_is_named(door) -> None:
    door.omero.away, door.runs.away = OmeroUnavailable(), EngineAway("gone")

    answer = door.client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "Away: prefect, omero:main."
    assert door.client.get("/health/live").status_code == 200


def test_without_the_engine_callers_are_asked_to_come_back(door) -> None:
    door.runs.away = EngineAway("gone")

    answer = door.ask()
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:omero-courier:prefect-away")
    assert int(answer.headers["Retry-After"]) > 0
