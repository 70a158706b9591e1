"""A source, and a staging area beside it; chunks are small, so that small files have several."""

from pathlib import Path

import pytest

from flows.core.settings import StagingArea
from flows.core.transfer import copying
from tests.core.transfer.arrangement import CHUNK, CONTENT


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", CHUNK)


@pytest.fixture
def area(tmp_path: Path) -> StagingArea:
    (tmp_path / "staging").mkdir()
    return StagingArea(directory=tmp_path / "staging", keep_free=0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "cells.tif"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path
