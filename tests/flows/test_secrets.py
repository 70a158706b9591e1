"""No password and no session key in anything that the whole system writes or shows."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from deployments.sandbox import processes
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core.omero_client import OmeroSession, log_in
from flows.core.settings import OmeroServer
from tests.support.courier import Courier
from tests.support.sandbox import dump_database

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]

KEPT_SECRET = {"courier.env", "sandbox.json", "users.json", "running.json"}
"""Where the sandbox keeps its own secrets; readable by its owner only."""


@pytest.fixture
def own_session(sandbox: Running) -> Iterator[OmeroSession]:
    server = OmeroServer(host=sandbox.omero_host, port=sandbox.omero_ssl_port)
    session = log_in(server, "bob", SecretStr(sandbox.logins["bob"]))
    yield session
    session.kill()


def secrets_of(sandbox: Running, courier: Courier, session: OmeroSession) -> dict[str, bytes]:
    remembered = json.loads((sandbox.data / "sandbox.json").read_text())
    named = {
        **{f"password of {user}": password for user, password in remembered["passwords"].items()},
        "API token": remembered["token"],
        "seal key": remembered["seal_key"],
        "bearer handle": courier.handle,
        "OMERO session key": session.key.get_secret_value(),
    }
    return {name: secret.encode() for name, secret in named.items()}


def written(sandbox: Running) -> Iterator[tuple[str, bytes]]:
    """Everything on disk that is not a place for secrets, the database as SQL, and the argument lists."""
    stand_in = sandbox.home.omero
    for path in sandbox.data.rglob("*"):
        if path.is_file() and path.name not in KEPT_SECRET and not path.is_relative_to(stand_in):
            yield str(path), path.read_bytes()
    yield "database", dump_database(sandbox)
    for process in processes.marked(json.loads((sandbox.data / "sandbox.json").read_text())["marker"]):
        yield f"arguments of {process.pid}", _arguments(process)


def _arguments(process: psutil.Process) -> bytes:
    try:
        return " ".join(process.cmdline()).encode()
    except psutil.NoSuchProcess:
        return b""


def test_nothing_that_is_written_holds_a_secret(alice: Courier, sandbox: Running, own_session: OmeroSession) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "cells.ome.tiff")
    (folder / "broken.tif").write_text("no image")
    bobs = {"Authorization": f"Bearer {own_session.key.get_secret_value()}"}
    alice.http.post("/v1/sessions", json={"user": "alice", "password": "wrong"})
    alice.http.get("/v1/imports", headers=bobs).raise_for_status()
    alice.outcome(alice.asks(folder))

    found = [
        (name, where)
        for where, content in written(sandbox)
        for name, secret in secrets_of(sandbox, alice, own_session).items()
        if secret in content
    ]

    assert found == []


def test_the_search_finds_what_is_there(alice: Courier, sandbox: Running) -> None:
    folder = alice.folder()
    make_small_ome_tiff(folder / "marker-of-this-test.ome.tiff")
    alice.outcome(alice.asks(folder))

    places = [where for where, content in written(sandbox) if b"marker-of-this-test" in content]

    assert "database" in places
    assert any(where.endswith(".eml") for where in places)


def test_files_with_secrets_are_for_their_owner_only(sandbox: Running) -> None:
    modes = {name: Path(sandbox.data / name).stat().st_mode & 0o077 for name in KEPT_SECRET}

    assert modes == dict.fromkeys(KEPT_SECRET, 0)
