"""Small real files of many formats, with a table of what Bio-Formats says of each: not part of the project."""

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(os.environ.get("REALDATA_TEST_DIR", Path(__file__).parents[3] / "shared" / "realdata"))
needs_real_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there; REALDATA_TEST_DIR names it")


class Row(NamedTuple):
    """What Bio-Formats says of an entry point."""

    entry: str
    reader: str
    files: int
    """It writes 0 for one."""
    series: int
    """Each size of a pyramid counts; 0 where it fails."""
    size: str
    """x,y,z,t,c of the first series."""

    @property
    def is_whole(self) -> bool:
        """It can be read, with all its pixels: what was broken on purpose is in a folder of its own."""
        return self.series > 0 and not self.entry.startswith("broken/")


def rows() -> list[Row]:
    """The table; empty where the files are not there."""
    return list(_rows()) if FOLDER.is_dir() else []


def _rows() -> Iterator[Row]:
    with (FOLDER / "BIOFORMATS.tsv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            files, series = int(row["used_files(0=self only)"] or 0), int(row["series"] or 0)
            series = series if row["showinf_rc"] == "0" else 0
            yield Row(row["entry"], row["reader"], max(1, files), series, row["first_series_W,H,Z,T,C"])


def unpack(packed: Path, folder: Path) -> None:
    """Write into a folder what is kept compressed."""
    (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
