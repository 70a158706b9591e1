"""What tests of Bio-Formats need, and what they say where it is not there."""

from pathlib import Path

import pytest

from flows.core.bioformats import BioFormats, bioformats_of
from flows.core.bioformats.locate import located
from flows.core.settings import BioFormats as Settings

NEEDED = "Bio-Formats is not asked here: that needs Java 11 (apt-get install default-jre-headless) and `make setup`"
needs_bioformats = pytest.mark.skipif(located(Settings()) is None, reason=NEEDED)


@pytest.fixture(scope="session")
def bioformats() -> BioFormats:
    """The one of this process."""
    found = bioformats_of(Settings())
    if found is None:
        pytest.skip(NEEDED)
    return found


def make_pattern(folder: Path) -> list[str]:
    """Write a set that only Bio-Formats puts together: a pattern, and the planes that it stands for."""
    planes = ["slice1.tif", "slice2.tif", "slice3.tif"]
    tiff = (
        b"II*\0\x08\0\0\0\x08\0"
        + b"".join(
            tag.to_bytes(2, "little")
            + kind.to_bytes(2, "little")
            + (1).to_bytes(4, "little")
            + value.to_bytes(4, "little")
            for tag, kind, value in (
                (256, 3, 2),
                (257, 3, 2),
                (258, 3, 8),
                (259, 3, 1),
                (262, 3, 1),
                (273, 4, 110),
                (278, 3, 2),
                (279, 4, 4),
            )
        )
        + b"\0\0\0\0"
        + b"\0" * 8
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in planes:
        (folder / name).write_bytes(tiff)
    (folder / "stack.pattern").write_text("slice<1-3>.tif\n")
    return ["stack.pattern", *planes]
