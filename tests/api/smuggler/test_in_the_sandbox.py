"""Smuggler's own clients in front of the courier as it runs: their images come into OMERO, and their session ends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omero.model import TagAnnotationI
from omero.rtypes import rstring
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core.errors import SessionEnded
from flows.core.omero_client import OmeroSession, join, log_in, make_long_session, resolve_target
from flows.core.requests import Target
from flows.core.settings import OmeroServer, Settings
from flows.upkeep.ending_sessions import end_sessions
from tests.support.courier import Courier, eventually

from .clients import Scripts, insight_request, insight_submits

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

USER = "alice"
WEEK = 7 * 86_400


@pytest.fixture
def omero(sandbox: Running) -> OmeroServer:
    return OmeroServer(host=sandbox.omero_host, port=sandbox.omero_ssl_port)


@pytest.fixture
def client(sandbox: Running, omero: OmeroServer) -> Iterator[OmeroSession]:
    """What a person at their own OMERO client sees."""
    with log_in(omero, USER, SecretStr(sandbox.logins[USER])) as session:
        yield session


@pytest.fixture
def look_after_sessions(sandbox: Running) -> Iterator[Callable[[], None]]:
    """Do now, of what housekeeping does every minute, what this is about: it has other things to do as well."""
    settings = Settings(_env_file=sandbox.home.settings)  # type: ignore[call-arg]
    with temporary_settings({PREFECT_API_URL: f"{sandbox.prefect}/api"}), get_client(sync_client=True) as prefect:
        yield lambda: end_sessions(prefect, settings)


def ends(omero: OmeroServer, key: str, look_after_sessions: Callable[[], None]) -> bool:
    look_after_sessions()
    try:
        join(omero, SecretStr(key)).close()
    except SessionEnded:
        return True
    return False


@pytest.mark.skipif(shutil.which("curl") is None, reason="Smuggler's scripts are left out: there is no curl")
def test_smugglers_scripts_work_as_they_are(
    sandbox: Running, alice: Courier, omero: OmeroServer, tmp_path: Path, look_after_sessions: Callable[[], None]
) -> None:
    scripts, folder = Scripts(sandbox.api, tmp_path), alice.folder()
    (folder / "broken.tif").write_bytes(b"no image")
    at = {"omeroHost": omero.host, "omeroPort": str(omero.port)}
    login = {**at, "username": USER, "password": sandbox.logins[USER], "keepAliveDuration": "3600000"}
    key = scripts.request_create_session(login)["sessionKey"]
    common = {**at, "experimenterEmail": f"{USER}@sandbox.example", "sessionKey": key}
    good, broken = scripts.request_import(
        [
            {**common, "targetUri": make_small_ome_tiff(folder / "cells.ome.tiff").as_uri()},
            {**common, "targetUri": str(folder / "broken.tif")},
        ]
    )
    logs = [_log_at_the_end(scripts, each["statusUri"]) for each in (good, broken)]

    assert ["Succeeded: true" in log for log in logs] == [True, False]
    assert [log.count("Starting OMERO Import") for log in logs] == [1, 1]
    assert "image" in logs[0]
    assert key not in "".join(logs)
    assert eventually(lambda: ends(omero, key, look_after_sessions), "the end of the session")
    failed = broken["statusUri"].replace("/ome/import/", "/ome/failed/import/")
    assert "reason" in scripts.list_failed_imports()
    (tmp_path / ".curlrc").write_text(f'header = "Authorization: Bearer {alice.handle}"\n')
    assert failed in scripts.list_failed_imports()
    assert isinstance(scripts.list_failed_mail(), list)
    assert scripts.get(failed) == logs[1]
    assert scripts.delete(failed) == ""
    assert failed not in scripts.list_failed_imports()


def _log_at_the_end(scripts: Scripts, address: str) -> str:
    def log() -> str | None:
        text = scripts.get(address)
        return text if "Succeeded" in text else None

    return eventually(log, f"the end of {address}", seconds=180)


def test_insight_hands_files_over_from_windows_and_the_user_finds_them_in_omero(
    sandbox: Running, alice: Courier, client: OmeroSession, omero: OmeroServer, look_after_sessions: Callable[[], None]
) -> None:
    folder = alice.folder()
    images = [make_small_ome_tiff(folder / f"{name}.ome.tiff") for name in ("one", "two's")]
    dataset = resolve_target(client, Target.parse(f"Dataset:name:{folder.name}"), make=True).id
    tag = TagAnnotationI()
    tag.textValue = rstring("from Insight")
    tag_id = client.update.saveAndReturnObject(tag).id.val
    with make_long_session(omero, USER, SecretStr(sandbox.logins[USER]), idle_seconds=WEEK) as session:
        key = session.key.get_secret_value()
    paths = [f"S:\\{USER}\\{folder.name}\\{image.name}" for image in images]

    url = f"{sandbox.api}/ome/import"
    batch = [
        insight_request(path, user=USER, omero=(omero.host, omero.port), key=key, dataset=dataset, tag=tag_id)
        for path in paths
    ]
    assert insight_submits(url, batch) < 300
    found = eventually(lambda: _images_in(client, dataset, 2), "the images in OMERO", seconds=180)
    tagged = client.rows("select l.parent.id from ImageAnnotationLink l where l.child.id = :tag", tag=tag_id)
    assert {each for (each,) in tagged} == found
    assert eventually(lambda: ends(omero, key, look_after_sessions), "the end of the session")
    assert insight_submits(url, batch) >= 300


def _images_in(client: OmeroSession, dataset: int, count: int) -> set[int] | None:
    rows = client.rows("select l.child.id from DatasetImageLink l where l.parent.id = :dataset", dataset=dataset)
    return {each for (each,) in rows} if len(rows) == count else None
