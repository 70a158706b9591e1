"""What Prometheus reads: every number under its name, no people, no paths, and no load for Prefect."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.runs import EngineAway, ImportState
from api.sweep_runs import SweepState
from flows.core.sweep.verdicts import Verdict
from tests.support.sweep_runs import NOON, row

Numbers = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(door) -> Numbers:
    """GET /metrics, as Prometheus understands it."""
    answer = door.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def of(numbers: Numbers, name: str, **labels: str) -> float | None:
    """One number; None where it is not told."""
    return numbers.get((f"courier_{name}", frozenset(labels.items())))


def test_imports_and_messages_are_counted(door) -> None:
    for state in (ImportState.SCHEDULED, ImportState.RUNNING, ImportState.FAILED, ImportState.PARTLY_FAILED):
        door.runs.becomes(door.ask().json()["id"], state=state)
    numbers = read(door)

    assert [of(numbers, "imports", server="main", state=state) for state in ("waiting", "running", "failed")] == [
        1,
        1,
        2,
    ]
    assert of(numbers, "messages_unsent") == 0
    assert of(numbers, "omero_away", server="main") == 0


def test_an_omero_that_is_away_is_told(door) -> None:
    door.runs.servers_away = {"main"}

    assert of(read(door), "omero_away", server="main") == 1


def test_when_housekeeping_last_did_all_of_its_duties_is_told_once_it_has(door_with, monkeypatch) -> None:
    monkeypatch.setattr("api.services.METRICS_SECONDS", 0.0)
    door = door_with()
    assert of(read(door), "housekeeping_last_success_timestamp_seconds") is None

    door.runs.round = NOON

    assert of(read(door), "housekeeping_last_success_timestamp_seconds") == NOON.timestamp()


def test_what_the_latest_sweep_came_to_is_told(door) -> None:
    door.runs.is_deployed("confocal")
    door.runs.was_swept(
        "confocal", row("/n"), row("/q", Verdict.QUARANTINED), files=7, folders=3, skipped={"no-image": 4}
    )
    numbers = read(door)

    told = {verdict: of(numbers, "sweep_filesets", sweep="confocal", verdict=verdict.value) for verdict in Verdict}
    assert told == {verdict: verdict in {Verdict.NEW, Verdict.QUARANTINED} for verdict in Verdict}
    assert of(numbers, "sweep_skipped", sweep="confocal", reason="no-image") == 4
    assert [of(numbers, f"sweep_{name}", sweep="confocal") for name in ("files", "folders")] == [7, 3]
    assert [of(numbers, f"sweep_{name}", sweep="confocal") for name in ("duration_seconds", "failed")] == [90, 0]
    ended = (NOON + timedelta(seconds=90)).timestamp()
    assert of(numbers, "sweep_last_success_timestamp_seconds", sweep="confocal") == ended


@pytest.mark.parametrize("state", [SweepState.FOLDER_AWAY, SweepState.FAILED])
def test_a_sweep_that_failed_is_told_and_what_was_known_before_stays(door, state) -> None:
    door.runs.is_deployed("confocal")
    door.runs.was_swept("confocal", row("/q", Verdict.QUARANTINED), files=7)
    door.runs.was_swept("confocal", at=NOON + timedelta(hours=1), state=state, problem="The folder is away.")
    numbers = read(door)

    assert of(numbers, "sweep_failed", sweep="confocal") == 1
    assert of(numbers, "sweep_files", sweep="confocal") == 7
    assert of(numbers, "sweep_filesets", sweep="confocal", verdict="quarantined") == 1
    ended = (NOON + timedelta(seconds=90)).timestamp()
    assert of(numbers, "sweep_last_success_timestamp_seconds", sweep="confocal") == ended


@pytest.mark.parametrize("what", ["never swept", "only a dry run", "never to its end"])
def test_what_is_not_known_is_not_told(door, what) -> None:
    door.runs.is_deployed("confocal", active=False)
    if what != "never swept":
        state = SweepState.COMPLETED if what == "only a dry run" else SweepState.FAILED
        problem = "" if what == "only a dry run" else "It is broken."
        door.runs.was_swept("confocal", dry_run=what == "only a dry run", state=state, problem=problem)
    numbers = read(door)

    assert of(numbers, "sweep_active", sweep="confocal") == 0
    assert of(numbers, "sweep_files", sweep="confocal") is None
    assert of(numbers, "sweep_last_success_timestamp_seconds", sweep="confocal") is None


def test_no_name_of_a_person_and_no_path_is_in_it(door) -> None:
    door.ask()
    door.runs.is_deployed("confocal")
    door.runs.was_swept("confocal", row("/data/alice/cells.tif", user="alice", reason="alice is unknown."))
    text = door.client.get("/metrics").text

    assert "alice" not in text
    assert "cells.tif" not in text
    assert str(door.data) not in text


def test_who_reads_it_often_asks_prefect_once(door) -> None:
    for _ in range(5):
        read(door)

    assert door.runs.asked == 1


def test_while_prefect_is_away_it_is_asked_once_too(door) -> None:
    door.runs.away = EngineAway("gone")
    first = door.client.get("/metrics")
    door.runs.away = None
    second = door.client.get("/metrics")

    assert (first.status_code, second.status_code) == (503, 503)
    assert first.json()["type"] == "urn:omero-courier:prefect-away"


def test_later_it_is_asked_again(door_with, monkeypatch) -> None:
    monkeypatch.setattr("api.services.METRICS_SECONDS", 0.0)
    door = door_with()
    read(door)
    read(door)

    assert door.runs.asked == 2
