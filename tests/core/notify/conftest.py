"""Reports to write about, and a web server that channels can post to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from flows.core.control import Stage
from flows.core.requests import Failure, ImportedImage
from flows.core.status import FilesetStatus, ImportReport
from tests.support.web import Quiet, serving

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class MakeReport(Protocol):
    def __call__(self, *filesets: FilesetStatus, **changes: Any) -> ImportReport: ...


@pytest.fixture
def report() -> MakeReport:
    """A finished import of alice; each test states only what matters to it."""

    def make(*filesets: FilesetStatus, **changes: Any) -> ImportReport:
        usual: dict[str, Any] = {
            "run_id": "6b1f0c52-run",
            "run_name": "alice: files into Dataset Cells",
            "run_url": "http://prefect.example/runs/flow-run/6b1f0c52-run",
            "server": "main",
            "web_url": "https://omero.example",
            "user": "alice",
            "group": "lab",
            "target": "Project:name:Mitosis/Dataset:name:Cells",
            "target_kind": "Dataset",
            "target_id": 5,
            "started": START,
            "ended": START + timedelta(seconds=133),
            "filesets": filesets,
        }
        return ImportReport(**{**usual, **changes})

    return make


def went_in(number: int = 1, name: str = "", images: int = 1) -> FilesetStatus:
    name = name or f"cells-{number}.ome.tiff"
    pictures = tuple(
        ImportedImage(id=number * 100 + each, name=name, size_x=512, size_y=256, size_z=21, size_c=3, size_t=4)
        for each in range(images)
    )
    return _status(number, name, Stage.DONE).model_copy(update={"images": pictures, "fileset_id": number})


def was_there(number: int) -> FilesetStatus:
    return went_in(number).model_copy(update={"duplicate": True})


def failed(number: int, failure: Failure) -> FilesetStatus:
    return _status(number, f"bad-{number}.tif", Stage.FAILED).model_copy(update={"failure": failure})


def unfinished(number: int, stage: Stage) -> FilesetStatus:
    return _status(number, f"later-{number}.tif", stage)


def _status(number: int, name: str, stage: Stage) -> FilesetStatus:
    return FilesetStatus(
        key=f"key-{number}", name=name, files=(f"/data/alice/{name}",), stage=stage, bytes_total=1_500_000
    )


@dataclass
class Board:
    """What was posted, and how posts are answered."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    answer: int = 200
    place: str = ""
    """Host and port."""


@pytest.fixture
def board() -> Iterator[Board]:
    """A web server that keeps the JSON posted to it."""
    kept = Board()

    class Post(Quiet):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            kept.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(kept.answer)
            self.end_headers()

    with serving(Post) as address:
        kept.place = address.removeprefix("http://")
        yield kept
