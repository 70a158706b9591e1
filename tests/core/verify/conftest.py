"""Alice, a folder that is hers, and somebody else's beside it."""

from pathlib import Path

import pytest

from flows.core.settings import Root, Verification
from flows.core.verify import Access


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for user in ("alice", "bob"):
        (tmp_path / "home" / user).mkdir(parents=True)
    return tmp_path / "home" / "alice"


@pytest.fixture
def access(home: Path) -> Access:
    return Access(user="alice", groups={"lab"}, roots={"home": Root(path=home.parent / "{user}")})


@pytest.fixture
def quick() -> Verification:
    """Files made by the test itself count as settled."""
    return Verification(settle_seconds=0)
