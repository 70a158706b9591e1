"""Folders of made files, and what they are taken for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.control import Uncontrolled
from flows.core.settings import Verification
from flows.core.verify import Access, Expansion, expand, verify_fileset

Look = Callable[..., Expansion]


@pytest.fixture
def look(home: Path, access: Access) -> Look:
    """Expand sources given relative to Alice's folder; by itself, that folder."""

    def expand_them(*sources: str, **settings: object) -> Expansion:
        named = [os.path.normpath(home / each) for each in sources or (".",)]
        return expand(named, access=access, settings=Verification(**settings), control=Uncontrolled())

    return expand_them


@pytest.fixture
def sound(access: Access, quick: Verification) -> Callable[[Expansion], list[str]]:
    """Verify all that was found, and return the formats."""

    def verify(found: Expansion) -> list[str]:
        return [verify_fileset(each, access=access, settings=quick).format for each in found.filesets]

    return verify
