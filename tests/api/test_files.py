"""POST /v1/imports: files in place, and what is to happen to files afterwards, refused at the door where need be."""

import pytest

from flows.core.control import Stage
from flows.core.status import FilesetStatus, PutAway


@pytest.fixture
def wide(door_with, data):
    """A door that allows everything."""
    account = {"user": "courier-service", "password": "unused"}
    return door_with(
        servers={
            "main": {
                "host": "omero.invalid",
                "service_account": account,
                "in_place": {"placements": ["ln_s", "ln", "cp"]},
            }
        },
        roots={"data": {"path": f"{data}/{{user}}", "after": ["keep", "move", "delete"]}},
    )


@pytest.mark.parametrize("placement", ["ln_s", "ln", "cp"])
def test_files_get_in_place_only_where_the_administrator_allows_it(door, wide, placement) -> None:
    refused = door.ask(placement=placement)

    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:omero-courier:placement-not-allowed"
    assert "body.placement" in refused.json()["detail"]
    assert wide.ask(placement=placement).status_code == 202


@pytest.mark.parametrize("after", ["move", "delete"])
def test_files_are_put_away_only_where_their_root_allows_it(door, wide, after) -> None:
    refused = door.ask(after_import=after)

    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:omero-courier:source-not-allowed"
    assert f"may not be {after}d" in refused.json()["detail"]
    assert wide.ask(after_import=after, after_delay_hours=24).status_code == 202


@pytest.mark.parametrize(
    "wish",
    [
        {"placement": "ln_s", "staging": "stage"},
        {"placement": "ln", "staging": "stage"},
        {"placement": "ln_s", "after_import": "move"},
        {"placement": "ln", "after_import": "delete"},
        {"placement": "hard"},
        {"after_import": "burn"},
        {"after_delay_hours": -1},
        {"after_delay_hours": 10_000},
    ],
)
def test_wishes_that_do_not_go_together_are_refused(wide, wish) -> None:
    assert wide.ask(**wish).status_code == 422


def test_what_is_to_happen_later_needs_an_account_that_can_ask_omero_then(door_with, data) -> None:
    door = door_with(
        servers={"main": {"host": "omero.invalid"}},
        roots={"data": {"path": f"{data}/{{user}}", "after": ["keep", "delete"]}},
    )

    refused = door.ask(after_import="delete", after_delay_hours=1)

    assert refused.status_code == 422
    assert "no service account" in refused.json()["detail"]
    assert door.ask(after_import="delete").status_code == 202


def test_an_import_says_what_became_of_its_files(wide) -> None:
    number = wide.ask(after_import="move").json()["id"]
    [run_id] = wide.runs.kept
    told = PutAway(outcome="moved", code="moved", reason="Moved to imported/a.tif.", moved_to=("/data/imported/a.tif",))
    wide.runs.statuses[run_id] = (
        FilesetStatus(name="a.tif", stage=Stage.DONE, bytes_total=1, files=("/data/a.tif",), key="k", put_away=told),
    )

    [fileset] = wide.get(f"/v1/imports/{number}").json()["filesets"]
    assert fileset["put_away"] == told.model_dump(mode="json")
