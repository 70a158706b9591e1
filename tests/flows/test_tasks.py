"""How a stage ends in the eyes of somebody who looks at the UI."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from flows.core.errors import ImportCancelled, OmeroUnavailable
from flows.core.job import Chunk
from flows.core.ledger import Ledger
from flows.core.requests import Fileset, SourceFile
from flows.tasks import ended


def stage(outcome: str | Exception | None) -> Callable[..., str | None]:
    def work(*_: object) -> str | None:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return work


def job() -> Any:
    return SimpleNamespace(ledger=Ledger())


def chunk(*names: str) -> Chunk:
    files = [SourceFile(path=f"/data/{name}", client_path=f"/data/{name}", size=1, mtime_ns=1) for name in names]
    return Chunk(tuple(Fileset(files=(file,)) for file in files))


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        pytest.param(None, StateType.COMPLETED, id="all got through"),
        pytest.param("1 of 2 did not get through.", StateType.FAILED, id="some did not"),
        pytest.param(ImportCancelled(), StateType.CANCELLED, id="somebody cancelled"),
    ],
)
def test_a_stage_shows_how_it_ended(outcome: str | Exception | None, shown: StateType) -> None:
    assert ended(stage(outcome), job(), chunk("a.tif")).type is shown


def test_what_goes_wrong_after_a_cancel_is_not_tried_again() -> None:
    running = job()

    def cancelled_meanwhile(*_: object) -> str | None:
        running.ledger.cancel()
        raise OmeroUnavailable

    assert ended(cancelled_meanwhile, running, chunk("a.tif")).type is StateType.CANCELLED
    assert ended(stage(AssertionError("begun")), running, chunk("a.tif")).type is StateType.CANCELLED


def test_what_may_pass_is_left_to_the_task_to_try_again() -> None:
    with pytest.raises(OmeroUnavailable):
        ended(stage(OmeroUnavailable()), job(), chunk("a.tif"))


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["a.tif"], "a.tif"),
        (["a.tif", "b.tif"], "2 files, a.tif to b.tif"),
        (["a.tif", "b.tif", "c.tif"], "3 files, a.tif to c.tif"),
    ],
    ids=["one file", "two files", "three files"],
)
def test_a_chunk_is_called_after_its_files(names: list[str], shown: str) -> None:
    assert str(chunk(*names)) == shown
