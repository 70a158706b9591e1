"""Small real files of many formats, with a table of what Bio-Formats says of each: not part of the project."""

import gzip
import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("REALDATA_TEST_DIR", Path(__file__).parents[3] / "shared" / "realdata"))
needs_real_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there; REALDATA_TEST_DIR names it")


def unpack(packed: Path, folder: Path) -> None:
    """Write into a folder what is kept compressed."""
    (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
