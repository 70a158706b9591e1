"""What the OpenAPI document says of a batch: what real clients send fits it, and most of what fits it is taken."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode

from api.app import create_app
from api.smuggler.models import ImportElement
from tests.support.api import Door, some_settings

from .clients import insight_request

# Schemathesis now and then draws from `random` where Hypothesis would rather be asked.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

DOCUMENT = create_app(some_settings(Path("/data"))).openapi()
OPERATIONS = {each.ok().label: each.ok() for each in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()}
ELEMENT = Draft202012Validator(DOCUMENT["components"]["schemas"]["ImportElement"])
SCRIPTS = {
    "experimenterEmail": "alice@lab.example",
    "targetUri": "file:///data/alice/x.tif",
    "omeroHost": "localhost",
    "omeroPort": "4064",
    "sessionKey": "1c2f",
    "name": "n",
    "description": "d",
    "datasetId": "5",
    "textAnnotations": [["ns", "text"]],
    "annotationIds": ["3", "4"],
}


def insight(path: str = "/data/x.tif", omero: tuple[str, int | None] = ("omero", None), **more: int) -> dict[str, Any]:
    return insight_request(path, user="alice", omero=omero, key="k", **more)


@pytest.mark.parametrize(
    "sent",
    [SCRIPTS, insight(dataset=5, tag=3), insight(screen=2**31, omero=("10.0.0.5", 65535)), insight()],
    ids=["Smuggler's scripts", "Insight, into a dataset", "Insight, into a screen", "Insight, into neither"],
)
def test_what_real_clients_send_is_as_described(sent: dict[str, Any]) -> None:
    assert [error.message for error in ELEMENT.iter_errors(sent)] == []


@pytest.mark.parametrize(
    "path",
    [
        "/data/alice/Größe 5 %.tif",
        "/data/alice/..tif/a..b",
        "C:\\Data\\alice\\O'Hara & Co (2).lif",
        "c:/Data/x.lif",
        "C:\\",
        "\\\\nas.example.org\\data\\x y.lif",
        "//nas/data/x.lif",
        "\\\\?\\C:\\Data\\x.lif",
        "\\\\?\\UNC\\nas\\data\\x.lif",
        "file:/data/x.tif",
        "file:/C:/Data/x%20y.tif",
        "file:///C:/Data/%C3%A4.tif",
        "file://nas/data/x@y.tif",
        "file:////nas/data/x.tif",
        "sftp://nas.example.org:22022/data/alice/today/",
        "s3://screens/alice/x.tif",
    ],
)
def test_each_way_to_name_a_file_is_as_described_and_taken(path: str) -> None:
    assert [error.message for error in ELEMENT.iter_errors(insight(path))] == []
    assert ImportElement.model_validate(insight(path)).target_uri == path


@pytest.mark.parametrize(
    "wrong",
    [
        {"targetUri": "x.tif"},
        {"targetUri": "/data/../x.tif"},
        {"omeroPort": "65536"},
        {"omeroPort": "0"},
        {"datasetId": "-1"},
        {"experimenterEmail": "nobody"},
        {"screenId": "7"},
        {"textAnnotations": [["ns", ""]]},
    ],
    ids=str,
)
def test_what_is_refused_is_not_as_described(wrong: dict[str, Any]) -> None:
    assert not ELEMENT.is_valid(SCRIPTS | wrong)


def test_most_batches_that_are_as_described_are_taken_from_a_known_session(door: Door) -> None:
    known = {"omeroHost": "omero.invalid", "omeroPort": "4064", "sessionKey": "alice-session"}
    answers = []

    @settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(case=OPERATIONS["POST /ome/import"].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def send(case: Case) -> None:
        elements = [each for each in case.body if each] if isinstance(case.body, list) else []
        if elements:
            here = [{**each, **known, "targetUri": door.image()} for each in elements]
            answers.append(door.client.post("/ome/import", json=here).status_code)
            door.runs.kept.clear()

    send()

    assert set(answers) <= {200, 400}
    assert answers.count(200) > len(answers) / 2 > 5
