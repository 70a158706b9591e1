"""The staging area: its room, and its clearing."""

from pathlib import Path

import pytest

from flows.core.errors import StagingFailed, StagingFull
from flows.core.requests import Staging
from flows.core.settings import StagingArea
from flows.core.transfer import check_room, clear_fileset, clear_run, runs_with_copies, transfer_fileset
from tests.core.transfer.arrangement import CONTENT, left_in, stage, verified


def test_a_staging_area_without_room_is_full(source: Path, area: StagingArea) -> None:
    with pytest.raises(StagingFull) as error:
        stage(verified(source), area.model_copy(update={"keep_free": 2**62}))

    assert error.value.transient
    assert left_in(area) == []


def test_room_is_asked_for_only_where_it_is_used(area: StagingArea) -> None:
    check_room(1, area, Staging.STAGE)
    check_room(2**62, area, Staging.DIRECT)
    check_room(2**62, StagingArea(), Staging.STAGE)
    with pytest.raises(StagingFull):
        check_room(2**62, area, Staging.STAGE)


def test_copies_are_for_the_couriers_account_only(source: Path, area: StagingArea) -> None:
    stage(verified(source), area)

    assert area.directory is not None
    assert (area.directory / "run-1").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("there", [False, True], ids=["missing", "no folder"])
def test_a_staging_area_that_is_not_there_is_said(source: Path, tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "nowhere").touch()

    with pytest.raises(StagingFailed) as error:
        stage(verified(source), StagingArea(directory=tmp_path / "nowhere" / "staging", keep_free=0))

    assert error.value.transient


def test_clearing_a_fileset_leaves_the_others(source: Path, area: StagingArea) -> None:
    other = source.with_name("other.tif")
    other.write_bytes(b"other")
    first, second = stage(verified(source), area), stage(verified(other), area)

    clear_fileset(first, area, "run-1")
    clear_fileset(first, area, "run-1")

    assert left_in(area) == [Path(second.files[0].path)]


def test_clearing_a_run_removes_all_of_it_and_nothing_else(source: Path, area: StagingArea) -> None:
    stage(verified(source), area)
    other = transfer_fileset(verified(source), staging=area, mode=Staging.STAGE, run_id="run-2")

    clear_run(area, "run-1")
    clear_run(area, "run-1")

    assert left_in(area) == [Path(other.files[0].path)]


def test_clearing_what_was_read_in_place_removes_nothing(source: Path, area: StagingArea) -> None:
    staged = transfer_fileset(verified(source), staging=area, mode=Staging.DIRECT, run_id="run-1")

    clear_fileset(staged, area, "run-1")

    assert source.read_bytes() == CONTENT


@pytest.mark.parametrize("run_id", ["", ".", "..", "../other", "a/b"])
def test_a_run_id_cannot_lead_out_of_the_staging_area(source: Path, area: StagingArea, run_id: str) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        transfer_fileset(verified(source), staging=area, mode=Staging.STAGE, run_id=run_id)
    with pytest.raises(ValueError, match="cannot name a folder"):
        clear_run(area, run_id)


def test_the_area_knows_which_runs_have_copies(source: Path, area: StagingArea) -> None:
    stage(verified(source), area)

    assert list(runs_with_copies(area)) == ["run-1"]
    assert runs_with_copies(StagingArea()) == {}
