"""The interface as it runs: the commands of its page pasted, its examples sent, bad input over real neighbours."""

from pathlib import Path

import httpx
import pytest

from deployments.sandbox.images import make_small_ome_tiff
from tests.docs.commands import run
from tests.docs.markdown import ROOT, fences
from tests.support.courier import Courier, eventually

PAGE = fences((ROOT / "docs" / "http.md").read_text(), "bash")

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def people(sandbox):
    """Who logged in, by name."""
    names = ("alice", "bob", "root")
    logged_in = {name: Courier(sandbox, name) for name in names}
    yield logged_in
    for each in logged_in.values():
        each.http.close()


@pytest.fixture(scope="module")
def alice(people):
    return people["alice"]


@pytest.fixture(scope="module")
def today(sandbox) -> Path:
    """The folder that the examples speak of, with an image in it."""
    folder = sandbox.home.shares / "alice" / "today"
    folder.mkdir(exist_ok=True)
    make_small_ome_tiff(folder / "cells.ome.tiff")
    return folder


def test_the_commands_of_the_page_work_when_they_are_pasted(sandbox, today, watched) -> None:
    watched.is_defined()
    environment = {
        "COURIER": sandbox.api,
        "DATA": str(sandbox.data),
        "PASSWORD": sandbox.logins["alice"],
        "ADMIN_PASSWORD": sandbox.logins["root"],
        "SWEEP": watched.name,
        "FILE": str(watched.gets("First look/cells.ome.tiff")),
    }

    outcomes = run(PAGE, environment, ROOT, timeout=240)

    assert [outcome.surprises for outcome in outcomes if outcome.surprises] == []
    assert {202, 403, 409, 422} <= {code for outcome in outcomes for code, _ in outcome.answers}
    assert '"state": "completed"' in "".join(outcome.printed for outcome in outcomes)


def test_the_examples_of_the_openapi_document_work_when_they_are_pasted(alice, today) -> None:
    paths = alice.http.get("/openapi.json").json()["paths"]
    shown = {
        path: paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        for path in ("/v1/imports/preview", "/v1/imports")
    }

    answers = {path: alice.http.post(path, json=example) for path, example in shown.items()}

    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/v1/imports/preview": 200,
        "/v1/imports": 202,
    }
    assert alice.outcome(answers["/v1/imports"].json()["id"])["state"] == "completed"


def test_an_import_tells_its_images_with_their_links_and_its_log(alice) -> None:
    number = alice.asks(make_small_ome_tiff(alice.folder() / "cells.ome.tiff"))

    told = alice.outcome(number)
    assert (told["state"], told["stages"]) == ("completed", {"done": 1})
    assert told["bytes_done"] == told["bytes_total"] > 0
    assert told["filesets"][0]["images"][0]["id"] > 0
    # Prefect writes logs in batches, a moment after the run has ended.
    assert eventually(lambda: "in OMERO as image" in alice.http.get(f"/v1/imports/{number}/log").text, "its log")


def test_another_user_sees_nothing_of_it(people, alice) -> None:
    number = alice.asks(make_small_ome_tiff(alice.folder() / "cells.ome.tiff"))

    assert people["bob"].http.get(f"/v1/imports/{number}").status_code == 404
    assert number not in people["bob"].http.get("/v1/imports").text
    assert number in people["root"].http.get("/v1/imports", params={"user": "alice"}).text


def test_a_machine_hands_an_image_over_for_a_user_and_follows_it(sandbox, alice) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    with httpx.Client(base_url=sandbox.api, headers=headers, trust_env=False) as machine:
        asked = machine.post("/v1/imports", json={"sources": [str(image)], "on_behalf_of": "alice"})
        number = asked.json()["id"]

        assert asked.status_code == 202
        assert machine.get(f"/v1/imports/{number}").json()["user"] == "alice"
    assert alice.outcome(number)["state"] == "completed"
