"""Where OMERO has no service account for the courier, the caller's own session goes with the import, sealed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import omero.clients
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploy import PROJECT
from deployments.sandbox.home import Running, free_ports
from deployments.sandbox.images import make_small_ome_tiff
from tests.support.courier import Courier, eventually
from tests.support.sandbox import dump_database

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]

SERVER = "own"


@pytest.fixture(scope="module")
def environment(sandbox: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The sandbox's settings, with its OMERO once more under another name and without a service account."""
    settings = tmp_path_factory.mktemp("own") / "courier.env"
    lines = sandbox.home.settings.read_text().splitlines()
    others = [line for line in lines if not line.startswith(("COURIER_SERVERS__", "COURIER_HTTP__PORT"))]
    omero = [f"COURIER_SERVERS__{SERVER}__HOST=127.0.0.1", f"COURIER_SERVERS__{SERVER}__PORT={sandbox.omero_ssl_port}"]
    settings.write_text("\n".join([*others, *omero, f"COURIER_HTTP__PORT={free_ports({'api': 0})['api']}"]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COURIER_", "PREFECT_"))}
    return {
        **kept,
        "COURIER_ENV_FILE": str(settings),
        "PREFECT_API_URL": f"{sandbox.prefect}/api",
        "PREFECT_HOME": str(settings.parent),
        "DO_NOT_TRACK": "1",
    }


@pytest.fixture(scope="module")
def api(environment: dict[str, str]) -> Iterator[str]:
    subprocess.run([sys.executable, "-m", "deployments.deploy"], cwd=PROJECT, env=environment, check=True, timeout=120)
    process = subprocess.Popen([sys.executable, "-m", "api"], cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL)
    port = Path(environment["COURIER_ENV_FILE"]).read_text().rpartition("COURIER_HTTP__PORT=")[2]
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: _answers(url), "the API is up")
    yield url
    process.terminate()
    process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def caller(api: str, sandbox: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as http:
        answer = http.post("/v1/sessions", json={"user": "alice", "password": sandbox.logins["alice"]})
        http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"
        yield http


def ask(caller: httpx.Client, alice: Courier) -> dict[str, Any]:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")
    answer: dict[str, Any] = caller.post("/v1/imports", json={"sources": [str(folder)]}).raise_for_status().json()
    return answer


def execute(number: str, environment: dict[str, str]) -> None:
    """Do what a worker does with the run."""
    command = [sys.executable, "-m", "prefect", "flow-run", "execute", number]
    subprocess.run(command, cwd=PROJECT, env=environment, check=False, timeout=120, stdin=subprocess.DEVNULL)


def carried(sandbox: Running) -> list[str]:
    with temporary_settings({PREFECT_API_URL: f"{sandbox.prefect}/api"}), get_client(sync_client=True) as client:
        return [each.name for each in client.read_variables() if each.name.startswith("courier-session-")]


def test_who_logged_in_with_a_password_may_log_out_and_the_session_of_the_import_is_forgotten_afterwards(
    caller: httpx.Client, alice: Courier, sandbox: Running, environment: dict[str, str]
) -> None:
    accepted = ask(caller, alice)
    assert len(carried(sandbox)) == 1
    assert caller.delete("/v1/sessions/current").status_code == 204

    execute(accepted["id"], environment)

    ended = caller.get(accepted["links"]["status"], headers=logged_in_again(caller, sandbox)).json()
    assert (ended["state"], ended["filesets"][0]["stage"]) == ("completed", "done")
    assert carried(sandbox) == []


def test_the_session_lies_sealed_in_the_database(caller: httpx.Client, alice: Courier, sandbox: Running) -> None:
    accepted = ask(caller, alice)
    (name,) = carried(sandbox)

    dump = dump_database(sandbox)

    assert name.encode() in dump
    assert alice.handle.encode() not in dump
    assert caller.post(accepted["links"]["cancel"]).is_success
    assert carried(sandbox) == []


def test_an_import_whose_session_was_ended_goes_on_after_a_fresh_login(
    caller: httpx.Client, alice: Courier, environment: dict[str, str], sandbox: Running
) -> None:
    client = omero.client(host="127.0.0.1", port=sandbox.omero_ssl_port)
    client.createSession("alice", sandbox.logins["alice"])
    caller.headers["Authorization"] = f"Bearer {client.getSessionId()}"
    accepted = ask(caller, alice)
    assert "your own session" in " ".join(accepted["notes"])
    client.killSession()

    execute(accepted["id"], environment)

    again = logged_in_again(caller, sandbox)
    needs = caller.get(accepted["links"]["status"], headers=again).json()
    assert (needs["state"], "Log in again" in needs["reason"]) == ("login_needed", True)
    assert caller.post(f"{accepted['links']['status']}/retry", headers=again).status_code == 202
    execute(accepted["id"], environment)
    assert caller.get(accepted["links"]["status"], headers=again).json()["state"] == "completed"


def logged_in_again(caller: httpx.Client, sandbox: Running) -> dict[str, str]:
    answer = caller.post("/v1/sessions", json={"user": "alice", "password": sandbox.logins["alice"]})
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}
