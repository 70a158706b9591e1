"""What passes the stages together."""

import pytest

from flows.core.pipeline import CHUNK_FILESETS, FEW_FILESETS, LARGE, chunks
from flows.core.requests import Fileset, SourceFile


@pytest.mark.parametrize(
    ("sizes", "together"),
    [
        pytest.param([1] * (FEW_FILESETS + 1), [FEW_FILESETS, 1], id="small-ones-up-to-a-number"),
        pytest.param([1] * (4 * FEW_FILESETS + 2), [FEW_FILESETS + 1] * 3 + [FEW_FILESETS - 1], id="of-many-a-quarter"),
        pytest.param([1] * (5 * CHUNK_FILESETS + 1), [CHUNK_FILESETS] * 5 + [1], id="of-very-many-no-more"),
        pytest.param([LARGE // 2] * 5, [2, 2, 1], id="and-up-to-a-volume"),
        pytest.param([LARGE, 1, LARGE, 1], [1, 1, 2], id="a-large-one-alone"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_filesets_are_cut_into_chunks(sizes: list[int], together: list[int]) -> None:
    filesets = [
        Fileset(files=(SourceFile(path=f"/d/{number}", client_path=f"/d/{number}", size=size, mtime_ns=1),))
        for number, size in enumerate(sizes)
    ]

    cut = chunks(filesets)

    assert [len(each.filesets) for each in cut] == together
    assert {fileset for each in cut for fileset in each.filesets} == set(filesets)
