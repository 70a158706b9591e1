"""Real imports of what Windows and a workstation name: by the worker that sees it, under the names that were said."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.sandbox import environment
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core.names import pool_of
from tests.support.courier import Courier, eventually
from tests.support.sandbox import ROOT, SandboxProcess

pytestmark = [pytest.mark.sandbox, pytest.mark.thorough, pytest.mark.timeout(360)]


class Facility:
    """A sandbox with a share that clients name as Windows does, and a microscope with a worker of its own."""

    def __init__(self, sandbox: Running) -> None:
        self.sandbox, self.home = sandbox, sandbox.home
        self.alice = Courier(sandbox, "alice")
        self.prefect = httpx.Client(base_url=f"{sandbox.prefect}/api", trust_env=False, timeout=60)
        self.bench_log = self.home.logs / "bench.log"
        self._worker: subprocess.Popen[bytes] | None = None

    def image(self, folder: Path, seed: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return make_small_ome_tiff(folder / f"cells{seed}.ome.tiff", seed=seed)

    def asks(self, source: str, **more: Any) -> str:
        answer = self.alice.http.post("/v1/imports", json={"sources": [source], **more})
        assert answer.status_code == 202, answer.text
        number: str = answer.json()["id"]
        return number

    def start_bench(self) -> None:
        """Start the microscope's own worker."""
        surroundings = {
            **environment.for_parts(self.home, self.home.remember(for_tests=True)),
            "PREFECT_API_URL": f"{self.sandbox.prefect}/api",
        }
        command = [sys.executable, "-m", "deployments.worker", "--pool", pool_of(environment.SERVER)]
        with self.bench_log.open("wb") as log:
            self._worker = subprocess.Popen(
                [*command, "--station", "bench", "--name", "bench"], cwd=ROOT, env=surroundings, stdout=log, stderr=log
            )

    def close(self) -> None:
        if self._worker is not None:
            self._worker.terminate()
            self._worker.wait(120)
        self.alice.http.close()
        self.prefect.close()

    def taken_by(self, number: str) -> list[str]:
        """Which workers' logs name a run."""
        logs = {"bench": self.bench_log, "central": self.home.logs / "worker.log"}
        return [name for name, log in logs.items() if log.exists() and number in log.read_text()]

    def queue_of(self, number: str) -> str:
        run = self.prefect.get(f"/flow_runs/{number}").raise_for_status().json()
        return str(run["work_queue_name"])


@pytest.fixture(scope="module")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facility]:
    data: Path = tmp_path_factory.mktemp("facility") / "data"
    settings = {
        "ROOTS__bench__PATH": f"{data}/bench/{{user}}",
        "ROOTS__bench__STATION": "bench",
        "MOUNTS__nas__CLIENT": "//nas/data",
        "MOUNTS__nas__WORKER": f"{data}/shares",
        "MOUNTS__bench__CLIENT": "D:/Acquired",
        "MOUNTS__bench__WORKER": f"{data}/bench",
        "MOUNTS__bench__WORKSTATIONS": '["bench"]',
        "MOUNTS__bench__STATION": "bench",
    }
    process = SandboxProcess(data)
    try:
        place = Facility(process.start(*(word for each in settings.items() for word in ("--set", "=".join(each)))))
        yield place
        place.close()
    finally:
        process.stop()


def test_a_share_of_windows_is_imported_under_the_names_of_windows(facility: Facility) -> None:
    facility.image(facility.home.shares / "alice" / "Day 1", 1)

    number = facility.asks("\\\\NAS\\Data\\alice\\Day 1")
    told = facility.alice.outcome(number)

    assert (told["state"], told["sources"]) == ("completed", ["\\\\NAS\\Data\\alice\\Day 1"])
    assert told["filesets"][0]["files"] == ["//NAS/Data/alice/Day 1/cells1.ome.tiff"]
    assert facility.queue_of(number) == "people"
    log = facility.alice.http.get(f"/v1/imports/{number}/log").text
    assert str(facility.home.shares) not in log


def test_what_only_a_workstation_sees_waits_for_its_worker_and_is_taken_by_no_other(facility: Facility) -> None:
    facility.image(facility.home.data / "bench" / "alice" / "Run", 2)
    facility.image(facility.home.shares / "alice" / "Day 2", 3)
    there = facility.asks("d:\\acquired\\alice\\Run", workstation="bench")
    here = facility.asks("//nas/data/alice/Day 2")

    assert facility.alice.outcome(here)["state"] == "completed"
    waits = facility.alice.status(there)
    assert (waits["state"], waits["position"]) == ("scheduled", 0)
    assert "the worker of the workstation bench" in waits["reason"]
    assert facility.taken_by(there) == []

    facility.start_bench()
    told = facility.alice.outcome(there)
    assert (told["state"], told["filesets"][0]["files"]) == ("completed", ["D:/acquired/alice/Run/cells2.ome.tiff"])
    assert (facility.queue_of(there), facility.taken_by(there)) == ("people-bench", ["bench"])

    facility.image(facility.home.shares / "alice" / "Day 3", 4)
    other = facility.asks("//nas/data/alice/Day 3")
    assert facility.alice.outcome(other)["state"] == "completed"
    assert facility.taken_by(other) == ["central"]


def test_a_run_that_was_started_in_the_wrong_queue_says_where_it_belongs(facility: Facility) -> None:
    facility.image(facility.home.data / "bench" / "alice" / "Lost", 5)
    deployment = facility.prefect.get("/deployments/name/import-images/sandbox").raise_for_status().json()["id"]
    request = {"sources": ["D:/Acquired/alice/Lost"], "on_behalf_of": "alice", "workstation": "bench"}
    made = facility.prefect.post(
        f"/deployments/{deployment}/create_flow_run", json={"parameters": {"request": request}}
    ).json()["id"]

    def ended() -> dict[str, Any] | None:
        run = facility.prefect.get(f"/flow_runs/{made}").raise_for_status().json()
        return run if run["state_type"] in ("COMPLETED", "FAILED") else None

    run = eventually(ended, "the end of the run")
    told = facility.alice.http.get(f"/v1/imports/{made}").json()
    assert run["state_type"] == "FAILED"
    assert [each["error"]["code"] for each in told["filesets"]] == ["source-elsewhere"]
    assert "the workstation bench" in str(told["filesets"])
