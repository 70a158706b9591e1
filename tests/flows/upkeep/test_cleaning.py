"""Nobody's copies and old runs go; what is needed, or waits to be dealt with, stays."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.exceptions import ObjectNotFound

from flows.core.settings import Settings, StagingArea, Upkeep
from flows.upkeep.cleaning import clear_staging, forget_old_runs
from tests.flows.upkeep.conftest import Make

pytestmark = pytest.mark.timeout(180)
AT_ONCE = 1e-9
"""Days."""


@pytest.fixture
def here(engine: Settings, tmp_path: Path) -> Settings:
    staging = StagingArea(directory=tmp_path)
    return engine.model_copy(
        update={"staging": staging, "upkeep": Upkeep(staging_days=1, keep_days=AT_ONCE, interval=60)}
    )


def copies(folder: Path, name: str, *, days_old: float) -> Path:
    made = folder / name
    (made / "fileset").mkdir(parents=True)
    seconds = made.stat().st_mtime - days_old * 86_400
    os.utime(made, (seconds, seconds))
    return made


def there(prefect: SyncPrefectClient, run_id: UUID) -> bool:
    try:
        prefect.read_flow_run(run_id)
    except ObjectNotFound:
        return False
    return True


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(("sprc", 2, False), id="of a run that has ended"),
        pytest.param(("sprf", 2, False), id="of a run that has failed"),
        pytest.param(("sprc", 0.5, True), id="of a run that ended a moment ago"),
        pytest.param(("spr", 2, True), id="of a run under way"),
        pytest.param(("spra", 2, True), id="of a run that waits for its next try"),
        pytest.param(("sprx", 2, True), id="of a run that will be revived"),
    ],
)
def test_old_copies_go_when_their_run_is_over(
    made: tuple[str, float, bool], run: Make, here: Settings, prefect: SyncPrefectClient, tmp_path: Path
) -> None:
    letters, days, stays = made
    folder = copies(tmp_path, str(run(letters)), days_old=days)

    clear_staging(prefect, here)

    assert folder.exists() is stays


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        pytest.param(str(uuid4()), False, id="of a run that was deleted"),
        pytest.param("lost+found", True, id="no folder of ours"),
    ],
)
def test_what_belongs_to_no_run(
    name: str, stays: bool, here: Settings, prefect: SyncPrefectClient, tmp_path: Path
) -> None:
    folder = copies(tmp_path, name, days_old=2)

    clear_staging(prefect, here)

    assert folder.exists() is stays


@pytest.mark.parametrize(
    ("letters", "stays"),
    [
        pytest.param("sprc", False, id="what ended well goes"),
        pytest.param("sk", False, id="what was cancelled goes"),
        pytest.param("sprf", True, id="what failed stays"),
        pytest.param("spra", True, id="what waits stays"),
    ],
)
def test_old_runs_go_unless_somebody_has_to_deal_with_them(
    letters: str, stays: bool, run: Make, here: Settings, prefect: SyncPrefectClient
) -> None:
    old = run(letters)

    forget_old_runs(prefect, here)

    assert there(prefect, old) is stays


def test_a_run_is_kept_for_as_long_as_the_settings_say(run: Make, engine: Settings, prefect: SyncPrefectClient) -> None:
    fresh = run("sprc")

    forget_old_runs(prefect, engine)

    assert there(prefect, fresh)


def test_names_and_paths_go_with_the_run(run: Make, here: Settings, prefect: SyncPrefectClient) -> None:
    old = run("sprc")
    prefect.create_artifact(ArtifactCreate(key="filesets", type="table", data=[{"name": "x.tif"}], flow_run_id=old))

    forget_old_runs(prefect, here)

    own = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[old]))
    assert prefect.read_artifacts(artifact_filter=own) == []
