"""A folder with a file, and one with a fileset of three."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from . import Sweep, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def sweep(root: Path) -> Sweep:
    return Sweep(root)


@pytest.fixture
def a(root: Path) -> Path:
    return write(root / "day" / "a.tif")


@pytest.fixture
def plate(root: Path) -> tuple[Path, Path, Path]:
    """A fileset of three files, of which OMERO opens the first."""
    return write(root / "p" / "plate.xml"), write(root / "p" / "wells" / "1.tif"), write(root / "p" / "wells" / "2.tif")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a call of the operating system fail when it is about a file of this name."""

    def let(call: str, name: str, failure: BaseException) -> None:
        real = getattr(os, call)

        def fail(path: str, *others: object, **more: object) -> object:
            if path == name:
                raise failure
            return real(path, *others, **more)

        monkeypatch.setattr(os, call, fail)

    return let
