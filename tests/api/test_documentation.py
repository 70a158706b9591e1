"""The page at /docs and the OpenAPI document behind it: nothing comes from elsewhere, and what is shown is so."""

import re

import pytest

from api.models import NewImport, NewSession
from tests.support.api import opened, some_settings

SMUGGLERS = ("/ome/", "/omero/")


@pytest.fixture(scope="module")
def document(bare_door):
    return bare_door.client.get("/openapi.json").json()


def test_the_page_loads_from_this_server_only(bare_door) -> None:
    page = bare_door.client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(loaded) >= 3
    assert [each for each in loaded if not each.startswith("/")] == []
    assert {bare_door.client.get(each).status_code for each in loaded} == {200}


def test_the_examples_are_what_the_interface_takes(document, bare_door) -> None:
    shown = {
        path: document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        for path in ("/v1/imports", "/v1/imports/preview", "/v1/sessions")
    }

    assert NewImport.model_validate(shown["/v1/imports"]).sources == [f"{bare_door.data}/alice/today"]
    assert shown["/v1/imports/preview"] == shown["/v1/imports"]
    assert NewSession.model_validate(shown["/v1/sessions"]).user == "alice"


def test_the_example_is_accepted_once_the_folder_is_there(data) -> None:
    with opened(some_settings(data), data) as door:
        shown = door.client.get("/openapi.json").json()["paths"]["/v1/imports"]["post"]["requestBody"]
        door.image(name="today/cells.tif")

        assert door.ask(**shown["content"]["application/json"]["example"]).status_code == 202


def test_every_error_is_announced_as_a_problem_document_or_as_smuggler_says_no(document) -> None:
    announced = {
        (path.startswith(SMUGGLERS), *operation["responses"]["4XX"]["content"])
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }

    assert announced == {(False, "application/problem+json"), (True, "application/json")}
    assert {"4XX"} == {each for each in _all_statuses(document) if each.startswith("4")}


def test_every_route_that_wants_to_know_who_calls_says_so(document) -> None:
    open_to_all = {
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "security" not in operation
    }

    by_the_body = {"post /ome/import", "post /omero/session/create"}
    by_an_id = {
        f"{how} /ome/failed/{what}" for how in ("get", "delete") for what in ("import/{import_id}", "mail/{mail_id}")
    }
    smugglers = by_the_body | by_an_id | {"get /ome/import/{import_id}"}
    assert open_to_all == {"post /v1/sessions", "get /health/live", "get /health/ready", "get /metrics"} | smugglers


def _all_statuses(document) -> set[str]:
    return {
        status
        for methods in document["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
