"""The pages about sources are so: their settings load, requests are answered as shown, failures exist."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from api.runs import ImportState
from flows.core import errors
from flows.core.control import Stage
from flows.core.errors import CourierError
from flows.core.requests import ImportedImage
from flows.core.settings import Settings, read_settings
from flows.core.sources import client_path
from flows.core.status import FilesetStatus
from tests.support.api import Door, bearer, opened

from .markdown import ROOT, fences

FOLDER = ROOT / "docs" / "sources"
INDEX = (FOLDER / "README.md").read_text()
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")
NAMES = [page.stem for page in PAGES]
SETTINGS = {page.stem: [each.text for each in fences(page.read_text(), "ini")] for page in PAGES}
"""The blocks of settings of each page: the first is that of its example, further ones come on top."""
TOLD = re.compile(
    r"`(?P<call>(?:POST|GET) /v1/\S+)` (?:with|says, shortened)[:\n]*```json\n(?P<first>.*?)```\n"
    r"(?:\n[^`]*is answered (?P<status>\d+), and shortened:\n\n```json\n(?P<answer>.*?)```)?",
    re.DOTALL,
)
OURS = ("/srv/images", "/mnt/nas")
"""Folders of the pages, in whose place the tests have their own."""


@dataclass
class Told:
    """A call that a page shows, and what it says of the answer."""

    call: str
    answer: dict[str, Any]
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)


def told_in(page: str) -> Iterator[Told]:
    """The calls of a page, in order; every block of JSON is one of them, or of the answer to one."""
    found = list(TOLD.finditer(page))
    assert page.count("```json") == sum(1 if each["answer"] is None else 2 for each in found)
    for each in found:
        if each["answer"] is None:
            yield Told(each["call"], json.loads(each["first"]))
        else:
            yield Told(each["call"], json.loads(each["answer"]), int(each["status"]), json.loads(each["first"]))


def shown(part: Any, told: Any) -> Any:
    """Leave of an answer what the page shows of it."""
    if isinstance(part, dict) and isinstance(told, dict):
        return {key: shown(value, told.get(key, "nothing")) for key, value in part.items()}
    if isinstance(part, list) and isinstance(told, list) and len(part) == len(told):
        return [shown(one, other) for one, other in zip(part, told, strict=True)]
    return told


def load(blocks: str, where: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (where / "courier.env").write_text(blocks)
    needed = {
        "COURIER_SERVERS__MAIN__HOST": "omero.example.org",
        "COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__USER": "courier",
        "COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__PASSWORD": "unused",
        "COURIER_SEAL_KEYS": f'["{Fernet.generate_key().decode()}"]',
    }
    for name, value in {**needed, **dotenv_values(where / "courier.env", interpolate=False)}.items():
        monkeypatch.setenv(name, value or "")
    return read_settings()


@pytest.fixture
def text(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The text of a page, with folders that are here; in each are an image of alice's and one of bob's."""
    text: str = (FOLDER / f"{request.param}.md").read_text()
    for place in OURS:
        for name in ("alice/2026-11-23", "bob/2026-11-23", "confocal/alice/Day 1"):
            folder = tmp_path / place.replace("/", "") / name
            folder.mkdir(parents=True)
            tifffile.imwrite(folder / "cells.tif", np.zeros((64, 64), "uint8"))
        text = text.replace(place, str(tmp_path / place.replace("/", "")))
    return text


@pytest.mark.parametrize("text", NAMES, indirect=True)
def test_each_request_of_a_page_is_answered_as_it_shows(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.waiting_room.SECONDS", 0.0)
    # What a page sets for the worker of a workstation alone is not for the API.
    blocks = [each.text for each in fences(text, "ini") if not each.text.startswith("COURIER_STATION")]
    settings = load("\n".join(blocks), tmp_path, monkeypatch)

    with opened(settings, tmp_path) as door:
        answers = [(each, *answered(door, each)) for each in told_in(text)]

    assert [(each.call, status) for each, status, _ in answers] == [(each.call, each.status) for each, *_ in answers]
    assert [shown(each.answer, answer) for each, _, answer in answers] == [each.answer for each, *_ in answers]


def answered(door: Door, told: Told) -> tuple[int, dict[str, Any]]:
    """Make a call; an import that the page shows as done is done, with the images that it shows."""
    method, _, path = told.call.partition(" ")
    if method == "POST":
        answer = door.client.post(path, json=told.body, headers=bearer("alice"))
    else:
        run = list(door.runs.kept.values())[-1]
        if told.answer["state"] == "completed":
            door.runs.becomes(run.id, state=ImportState.COMPLETED)
            door.runs.statuses[run.id] = tuple(map(done, told.answer["filesets"]))
        answer = door.get(path.replace("{id}", str(run.id)))
    return answer.status_code, {**answer.json(), **({"id": told.answer["id"]} if "id" in told.answer else {})}


def done(fileset: dict[str, Any]) -> FilesetStatus:
    size = dict.fromkeys(("size_x", "size_y", "size_z", "size_c", "size_t"), 1)
    images = tuple(ImportedImage(**size, **each) for each in fileset["images"])
    files = tuple(fileset["files"])
    return FilesetStatus(name=fileset["name"], stage=Stage.DONE, bytes_total=1, files=files, key="k", images=images)


@pytest.mark.parametrize("name", NAMES)
def test_each_block_of_settings_of_a_page_loads(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *further = SETTINGS[name]

    for block in further or [""]:
        assert load(f"{first}\n{block}", tmp_path, monkeypatch).servers


@pytest.mark.parametrize("name", ["sftp", "s3", "http", "others"])
def test_what_a_page_shows_as_done_is_what_was_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ended, *_ = told_in((FOLDER / f"{name}.md").read_text())
    sources = [client_path(source) for source in asked.body["sources"]]
    (file,) = ended.answer["filesets"][0]["files"]
    (remote,) = load(SETTINGS[name][0], tmp_path, monkeypatch).remotes.values()

    assert remote.place_for("alice") is not None
    assert any(file.startswith(source) for source in sources)


def test_each_kind_has_a_page_in_the_index() -> None:
    assert sorted(re.findall(r"\]\((\w+)\.md\) \|$", INDEX, re.MULTILINE)) == NAMES


ROWS = [
    (one, client)
    for writings, client in re.findall(r"^\| (`[^|]*) \| [^|]+ \| (`[^|]+`) \|$", INDEX, re.MULTILINE)
    for one in re.findall(r"`([^`]+)`", writings)
]


@pytest.mark.parametrize(("written", "client"), ROWS, ids=[one for one, _ in ROWS])
def test_each_way_to_write_a_source_is_shown_as_the_page_says(written: str, client: str) -> None:
    assert client_path(written.strip('"')) in re.findall(r"`([^`]+)`", client)


def test_each_failure_has_the_code_that_the_page_names_and_is_tried_again_as_it_says() -> None:
    said = dict(re.findall(r"^\| [^|]+ \| `([a-z-]+)` \| (yes|no)", INDEX, re.MULTILINE))
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CourierError)]

    assert {each().code: "yes" if each.transient else "no" for each in kinds if each().code in said} == said
    assert len(said) > 5
    assert len(ROWS) > 10
