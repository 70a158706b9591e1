"""Bytes come whole and once to where the import reads them, whatever breaks off in between."""

import fcntl
import hashlib
import os
from pathlib import Path

import pytest

from flows.core.errors import ImportCancelled, StagingFailed
from flows.core.requests import Staging
from flows.core.settings import StagingArea
from flows.core.transfer import clear_fileset, transfer_fileset
from tests.core.transfer.arrangement import CHUNK, CONTENT, Watch, cancel, crash, left_in, stage, verified


def test_a_staged_copy_has_the_sources_bytes_and_their_checksum(source: Path, area: StagingArea) -> None:
    staged = stage(verified(source), area)

    (copy,) = staged.files
    assert staged.staged
    assert Path(copy.path).read_bytes() == CONTENT
    assert copy.sha1 == hashlib.sha1(CONTENT).hexdigest()
    assert (copy.client_path, copy.size, Path(copy.path).name) == (str(source), len(CONTENT), "cells.tif")


@pytest.mark.parametrize("length", [1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK])
def test_any_length_is_copied(source: Path, area: StagingArea, length: int) -> None:
    source.write_bytes(os.urandom(length))

    (copy,) = stage(verified(source), area).files

    assert Path(copy.path).read_bytes() == source.read_bytes()
    assert copy.sha1 == hashlib.sha1(source.read_bytes()).hexdigest()


def test_files_of_a_set_keep_their_places(tmp_path: Path, area: StagingArea) -> None:
    names = ["all.companion.ome", "raw/1/a.tif", "raw/2/a.tif", "raw/.zattrs"]
    for name in names:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(CONTENT)

    staged = stage(verified(*(tmp_path / "set" / name for name in names)), area)

    common = Path(staged.files[0].path).parent
    assert [str(Path(file.path).relative_to(common)) for file in staged.files] == names


def test_files_of_equal_names_do_not_meet(source: Path, area: StagingArea) -> None:
    other = source.parent / "day 2" / source.name
    other.parent.mkdir()
    other.write_bytes(b"another")

    staged = stage(verified(source, other), area)

    assert [Path(copy.path).read_bytes() for copy in staged.files] == [CONTENT, b"another"]
    assert Path(staged.files[1].path).parent.name == "day 2"


@pytest.mark.parametrize(
    ("mode", "auto", "copied"),
    [
        (Staging.DIRECT, True, False),
        (Staging.STAGE, False, True),
        (Staging.AUTO, True, True),
        (Staging.AUTO, False, False),
    ],
)
def test_what_is_copied_is_as_asked_and_as_set(
    source: Path, area: StagingArea, mode: Staging, auto: bool, copied: bool
) -> None:
    settings = area.model_copy(update={"auto": auto})

    staged = transfer_fileset(verified(source), staging=settings, mode=mode, run_id="run-1")

    assert staged.staged is copied
    assert (staged.files[0].path == str(source)) is not copied


def test_without_a_staging_area_files_are_read_where_they_are(source: Path) -> None:
    staged = transfer_fileset(verified(source), staging=StagingArea(), mode=Staging.STAGE, run_id="run-1")

    assert staged.files[0].path == str(source)


def test_progress_grows_to_the_whole(source: Path, area: StagingArea) -> None:
    watch = Watch()

    stage(verified(source), area, watch)

    done = [each for each, _ in watch.seen]
    assert done == sorted(done)
    assert watch.seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(done) >= len(CONTENT) // CHUNK


def test_a_copy_broken_off_goes_on_where_it_was(source: Path, area: StagingArea) -> None:
    with pytest.raises(RuntimeError):
        stage(verified(source), area, Watch(4, crash))
    (partial,) = left_in(area)
    inode, there = partial.stat().st_ino, partial.stat().st_size

    (copy,) = stage(verified(source), area).files

    assert 0 < there < len(CONTENT)
    assert Path(copy.path).stat().st_ino == inode
    assert copy.sha1 == hashlib.sha1(CONTENT).hexdigest()
    assert left_in(area) == [Path(copy.path)]


def test_a_copy_that_an_earlier_attempt_still_writes_is_left_to_it(source: Path, area: StagingArea) -> None:
    with pytest.raises(RuntimeError):
        stage(verified(source), area, Watch(4, crash))

    with left_in(area)[0].open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StagingFailed, match="still writing") as error:
            stage(verified(source), area)

    assert error.value.transient
    assert stage(verified(source), area).files[0].sha1 == hashlib.sha1(CONTENT).hexdigest()


def test_a_finished_copy_is_not_made_again(source: Path, area: StagingArea) -> None:
    first = stage(verified(source), area)
    inode = Path(first.files[0].path).stat().st_ino

    again = stage(verified(source), area)

    assert again == first
    assert Path(again.files[0].path).stat().st_ino == inode


def test_a_copy_of_an_earlier_state_is_thrown_away(source: Path, area: StagingArea) -> None:
    with pytest.raises(RuntimeError):
        stage(verified(source), area, Watch(4, crash))
    source.write_bytes(CONTENT[::-1])
    os.utime(source, (1, 1))

    (copy,) = stage(verified(source), area).files

    assert Path(copy.path).read_bytes() == CONTENT[::-1]
    assert left_in(area) == [Path(copy.path)]


def test_a_finished_copy_of_an_earlier_state_is_replaced(source: Path, area: StagingArea) -> None:
    stage(verified(source), area)
    source.write_bytes(CONTENT[::-1])
    os.utime(source, (1, 1))

    (copy,) = stage(verified(source), area).files

    assert Path(copy.path).read_bytes() == CONTENT[::-1]


def test_a_cancelled_copy_leaves_nothing(source: Path, area: StagingArea) -> None:
    watch = Watch(4, cancel)

    with pytest.raises(ImportCancelled):
        stage(verified(source), area, watch)

    assert left_in(area) == []
    assert watch.looks == 4


def test_the_source_is_never_written_to(source: Path, area: StagingArea) -> None:
    source.chmod(0o444)
    source.parent.chmod(0o555)
    before = source.stat()

    staged = stage(verified(source), area)
    clear_fileset(staged, area, "run-1")

    after = source.stat()
    source.parent.chmod(0o755)
    assert (after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_a_copy_is_read_no_faster_than_the_machine_allows_and_what_was_copied_before_does_not_count(
    source: Path, area: StagingArea
) -> None:
    broken_off, rest = Watch(at=4, do=crash), Watch()
    with pytest.raises(RuntimeError):
        stage(verified(source), area, broken_off)
    stage(verified(source), area, rest)

    assert max(broken_off.paced + rest.paced) <= CHUNK
    assert sum(broken_off.paced) + sum(rest.paced) == len(CONTENT)
