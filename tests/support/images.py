"""Images for tests: small, made when asked for, gone with the test's folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.sandbox.images import make_small_ome_tiff, make_tiff

MakeImage = Callable[[str], Path]


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Make a small image below the test's folder: OME-TIFF or plain TIFF as its name says, each name its own pixels."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_one = make_small_ome_tiff if ".ome.tif" in path.name else make_tiff
        return make_one(path, seed=sum(name.encode()))

    return make


@pytest.fixture
def small_ome_tiff(make_image: MakeImage) -> Path:
    """Two channels, three focal planes, two time points, 64 x 64."""
    return make_image("cells.ome.tiff")


@pytest.fixture
def small_tiff(make_image: MakeImage) -> Path:
    """One plane without microscopy metadata."""
    return make_image("plain.tif")
