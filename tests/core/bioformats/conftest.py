"""Bio-Formats as it is installed; tests that need it say so where it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.core.bioformats.ask import BioFormats as Asked
from flows.core.bioformats.java import Command, Java
from flows.core.bioformats.locate import located
from flows.core.settings import BioFormats as Settings
from tests.support.bioformats import NEEDED


@pytest.fixture
def own(tmp_path: Path) -> Iterator[type[Asked]]:
    """Make one with limits of its own."""
    found = located(Settings())
    if found is None:
        pytest.skip(NEEDED)
    made = []

    def make(*, heap: int = 256, timeout: float = 60, idle: float = 60) -> Asked:
        made.append(Asked(Java(Command(*found, heap=heap, idle=idle), timeout)))
        return made[-1]

    yield make
    for each in made:
        each.close()
