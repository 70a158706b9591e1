"""The examples are sound, all side by side, and do what their comments say; the schema for editors is the code's."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from flows.core.requests import Fileset, SourceFile
from flows.core.settings import Notifications, OmeroServer, Root, ServiceAccount, Settings
from flows.core.sweep.assignment import Assigner
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.loading import load_sweeps, schema

SWEEPS = Path(__file__).parents[3] / "deployments" / "sweeps"
EXAMPLES = sorted((SWEEPS / "examples").glob("*.yaml"))
PROMISE = re.compile(r"# For example (?P<path>/.*)\n#   belongs to (?P<user>.*) and goes into (?P<target>.*)\n")
PROMISES = [(file.stem, promise.groupdict()) for file in EXAMPLES for promise in PROMISE.finditer(file.read_text())]
MAY = frozenset({"keep", "move", "delete"})


@pytest.fixture
def settings() -> Settings:
    return Settings(
        servers={
            "main": OmeroServer(host="omero", service_account=ServiceAccount(user="courier", password=SecretStr("x")))
        },
        roots={
            "people": Root(path=Path("/data/people/{user}")),
            "facility": Root(path=Path("/data"), everyone=True, after=MAY),
        },
        notifications=Notifications(channels={"plates": SecretStr("slack://a")}),
        seal_keys=(SecretStr(Fernet.generate_key().decode()),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The examples where they are used from; only the table lies elsewhere than they say."""
    copied = tmp_path / "sweeps"
    shutil.copytree(SWEEPS / "examples", copied)
    for file in copied.glob("*.yaml"):
        file.write_text(file.read_text().replace("/etc/omero-courier/sweeps", str(copied)))
    return copied


def test_there_are_examples_each_with_a_promise() -> None:
    assert len(EXAMPLES) >= 6
    assert {name for name, _ in PROMISES} == {file.stem for file in EXAMPLES}


def test_the_examples_are_sound_all_side_by_side(folder: Path, settings: Settings) -> None:
    assert set(load_sweeps(folder, settings)) == {file.stem for file in EXAMPLES}


@pytest.mark.parametrize(("name", "promise"), PROMISES, ids=[promise["path"] for _, promise in PROMISES])
def test_an_example_assigns_as_its_comment_says(
    folder: Path, settings: Settings, tmp_path: Path, name: str, promise: dict[str, str]
) -> None:
    definition = moved(load_sweeps(folder, settings)[name], tmp_path)
    file = tmp_path / promise["path"].lstrip("/")
    file.parent.mkdir(parents=True)
    if definition.assign.sidecars:
        shutil.copytree(folder / "sidecar", file.parent, dirs_exist_ok=True)
    looked_at = SourceFile(path=str(file), client_path=str(file), size=5, mtime_ns=1_773_705_600 * 10**9)

    found = Assigner(definition).assign(Fileset(files=(looked_at,)))

    assert (found.user, found.target) == (promise["user"], promise["target"])


def moved(definition: SweepDefinition, to: Path) -> SweepDefinition:
    return definition.model_copy(update={"root": to / str(definition.root).lstrip("/")})


def test_the_shipped_schema_is_that_of_the_code() -> None:
    shipped = (SWEEPS / "schema.json").read_text()

    assert shipped == json.dumps(schema(), indent=2) + "\n", "run: python -m deployments.sweeps schema > that file"


def test_the_schema_is_one_and_describes_everything() -> None:
    Draft202012Validator.check_schema(schema())

    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [name for name, described in properties(schema()) if not described.get("description")] == []


def properties(part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in (part, *part["$defs"].values()):
        for name, described in definition.get("properties", {}).items():
            yield name, {**part["$defs"].get(described.get("$ref", "").rpartition("/")[2], {}), **described}


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_an_editor_finds_nothing_wrong_with_an_example(file: Path) -> None:
    assert "# yaml-language-server: $schema=../schema.json\n" in file.read_text()
    assert list(Draft202012Validator(schema()).iter_errors(yaml.safe_load(file.read_text()))) == []


@pytest.mark.parametrize(
    "wrong", [{"rot": "/data"}, {"schedule": {"every_minutes": "often"}}, {"limits": {"priority": "high"}}]
)
def test_an_editor_finds_what_is_wrong(wrong: dict[str, Any]) -> None:
    text = {"root": "/data", "assign": {"user": "alice"}, **wrong}

    assert list(Draft202012Validator(schema()).iter_errors(text)) != []
