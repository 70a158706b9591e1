"""Watched folders over HTTP in front of real sweeps: what is told is what the sweep did, and a release is one."""

from collections.abc import Iterator

import httpx
import pytest

from api.sweep_runs import SweepState
from deployments.sandbox.images import make_truncated
from flows.core.sweep.verdicts import Verdict
from tests.support.courier import Courier, eventually
from tests.support.sweeps import WatchedFolder

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def root(logged_in) -> Courier:
    return logged_in("root")


@pytest.fixture
def machine(sandbox) -> Iterator[httpx.Client]:
    """A program with the token that may act for everybody."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    with httpx.Client(base_url=sandbox.api, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def test_a_sweep_is_begun_followed_and_listed(watched: WatchedFolder, root: Courier) -> None:
    watched.is_defined(description="A test's own.")
    image = watched.gets("First/one.ome.tiff")
    here = f"/v1/sweeps/{watched.name}"
    asked = root.http.post(f"{here}/runs", json={"dry_run": True})
    told = _ended(root, asked.headers["Location"])

    assert (told["state"], told["dry_run"], told["totals"]["dry_run"]) == (SweepState.COMPLETED, True, True)
    assert [(row["path"], row["verdict"], row["user"]) for row in told["rows"]] == [(str(image), Verdict.NEW, "alice")]
    listed = next(each for each in root.http.get("/v1/sweeps").json()["sweeps"] if each["name"] == watched.name)
    assert (listed["root"], listed["description"]) == (str(watched.root), "A test's own.")
    assert (listed["active"], listed["latest_run"], listed["totals"]) == (False, None, None)


def test_the_table_of_the_latest_sweep_is_what_that_sweep_left(watched: WatchedFolder, machine: httpx.Client) -> None:
    watched.is_defined()
    watched.gets("First/one.ome.tiff")
    (watched.root / "First" / "empty.tif").touch()
    watched.imports_everything()
    swept = watched.is_swept()
    told = machine.get(f"/v1/sweeps/{watched.name}").json()

    assert told["latest_run"]["id"] == told["totals"]["run_id"] == str(swept.run.id)
    assert told["rows"] == [row.model_dump(mode="json") for row in swept.rows]
    quarantined = machine.get(f"/v1/sweeps/{watched.name}", params={"verdict": "quarantined"}).json()["rows"]
    assert [row["path"] for row in quarantined] == [str(watched.root / "First" / "empty.tif")]


def test_a_folder_that_is_away_is_told_and_counted(watched: WatchedFolder, machine: httpx.Client) -> None:
    watched.is_defined()
    watched.gets("First/one.ome.tiff")
    watched.imports_everything()
    watched.root.rename(watched.root.with_name(f"{watched.root.name}-elsewhere"))
    watched.is_swept()

    assert machine.get(f"/v1/sweeps/{watched.name}").json()["latest_run"]["state"] == SweepState.FOLDER_AWAY
    failed = f'courier_sweep_failed{{sweep="{watched.name}"}} 1.0'
    assert eventually(lambda: failed in machine.get("/metrics").text, "the number")
    assert f'courier_sweep_filesets{{sweep="{watched.name}",verdict="imported"}} 1.0' in machine.get("/metrics").text
    answer = machine.get(f"/v1/sweeps/{watched.name}/why", params={"path": "First/one.ome.tiff"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:omero-courier:sweep-elsewhere")


def test_users_learn_why_and_only_about_their_own(watched: WatchedFolder, logged_in) -> None:
    watched.is_defined()
    image = str(watched.gets("First/one.ome.tiff"))
    watched.imports_everything()
    address = f"/v1/sweeps/{watched.name}/why"
    hers, his = (logged_in(user).http.get(address, params={"path": image}) for user in ("alice", "bob"))

    assert (hers.status_code, hers.json()["verdict"]) == (200, Verdict.IMPORTED)
    assert hers.json()["reason"].startswith("It is in OMERO, through the import")
    assert his.status_code == 403


def test_what_failed_is_tried_again_once_it_is_released(watched: WatchedFolder, machine: httpx.Client) -> None:
    watched.is_defined()
    (watched.root / "First").mkdir()
    broken = make_truncated(watched.root / "First" / "broken.ome.tiff")
    before = watched.imports_everything().row(broken)
    answer = machine.post(f"/v1/sweeps/{watched.name}/release", json={"path": str(broken)})
    after = watched.imports_everything().row(broken)

    assert answer.json() == {"released": 1}
    assert (before.verdict, after.verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert before.import_id != after.import_id


def _ended(courier: Courier, address: str):
    def look():
        told = courier.http.get(address).raise_for_status().json()
        return told if told["state"] not in (SweepState.SCHEDULED, SweepState.RUNNING) else None

    return eventually(look, f"the end of {address}")
