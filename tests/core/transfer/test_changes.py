"""A source that is not what was verified, or stops being it, is not taken."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.errors import SourceChanged, SourceMissing, SourceUnreadable
from flows.core.requests import Staging
from flows.core.settings import StagingArea
from flows.core.transfer import transfer_fileset
from tests.core.transfer.arrangement import CONTENT, Watch, left_in, stage, verified


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def linked(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(path.parent.with_name("moved"))


CHANGES: dict[str, Callable[[Path], object]] = {
    "it grows": lambda path: path.write_bytes(CONTENT + b"more"),
    "it shrinks": lambda path: os.truncate(path, 1500),
    "it is touched": os.utime,
    "it is replaced": replaced,
    "its folder becomes a link": linked,
}


MOMENTS = {"before it is opened": 1, "half-way": 4, "at the end": 7}


@pytest.mark.parametrize(
    ("change", "moment"),
    # A file of the same size and time that takes its place before it is opened is the same file.
    [
        (change, moment)
        for change in CHANGES
        for moment in MOMENTS
        if (change, moment) != ("it is replaced", "before it is opened")
    ],
)
def test_a_source_that_changes_meanwhile_is_not_taken(
    source: Path, area: StagingArea, change: str, moment: str
) -> None:
    os.utime(source, (1, 1))
    what = verified(source)

    with pytest.raises(SourceChanged) as error:
        stage(what, area, Watch(MOMENTS[moment], lambda: CHANGES[change](source)))

    assert error.value.transient
    assert error.value.which == str(source)
    assert left_in(area) == []


@pytest.mark.parametrize("change", ["it grows", "it is touched", "its folder becomes a link"])
def test_a_source_read_in_place_is_looked_at_again(source: Path, change: str) -> None:
    os.utime(source, (1, 1))
    what = verified(source)
    CHANGES[change](source)

    with pytest.raises(SourceChanged):
        transfer_fileset(what, staging=StagingArea(), mode=Staging.DIRECT, run_id="run-1")


@pytest.mark.parametrize("mode", [Staging.DIRECT, Staging.STAGE])
def test_a_source_that_is_gone_is_missing(source: Path, area: StagingArea, mode: Staging) -> None:
    what = verified(source)
    source.unlink()

    with pytest.raises(SourceMissing):
        transfer_fileset(what, staging=area, mode=mode, run_id="run-1")


def test_a_source_that_may_not_be_read_is_said(source: Path, area: StagingArea) -> None:
    what = verified(source)
    source.chmod(0)
    if os.access(source, os.R_OK):
        pytest.skip("permission bits do not bind this account")

    with pytest.raises(SourceUnreadable):
        stage(what, area)
