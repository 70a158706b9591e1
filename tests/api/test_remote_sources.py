"""What the door says of sources on other machines: it compares with the settings, and asks no host."""

import pytest

from api.door import look_at
from api.problems import Problem
from flows.core.remotes import Remote
from flows.core.settings import Verification
from flows.core.verify import Access

FAR = Remote(url="https://archive.invalid/{user}")
ALICE = Access(user="alice", groups=(), roots={}, remotes={"archive": FAR})


def test_what_is_listed_is_left_to_the_worker() -> None:
    look = look_at(["https://archive.invalid/alice/my%20cells.tif"], ALICE, Verification())

    assert (look.complete, look.station, look.expansion.filesets) == (False, None, ())


@pytest.mark.parametrize(
    "source",
    [
        "https://archive.invalid/bob/cells.tif",
        "https://archive.invalid:8443/alice/cells.tif",
        "http://archive.invalid/alice/cells.tif",
        "http://169.254.169.254/latest/meta-data",
        "s3://archive.invalid/alice/cells.tif",
        "gopher://archive.invalid/alice/cells.tif",
    ],
)
def test_what_is_not_is_refused_as_any_path_that_is_not_allowed(source: str) -> None:
    with pytest.raises(Problem) as refused:
        look_at([source], ALICE, Verification())

    assert (refused.value.document.status, refused.value.document.type.rpartition(":")[2]) == (
        403,
        "source-not-allowed",
    )
