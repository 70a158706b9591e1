"""Real imports on a worker that is drained, paused, slowed down and killed: nothing is lost, nothing doubled."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deployments.sandbox.demo_omero import images_in
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_large_ome_tiff
from deployments.worker.orphans import RUN_ID
from flows.core.names import PUT_OFF, bandwidth_name
from flows.core.worker_orders import read_orders
from tests.support.courier import Courier, eventually
from tests.support.sandbox import ROOT, SandboxProcess

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(360)]

SLOW = 500_000
"""At this rate an import takes longer than a test; `hurry` ends it."""
SETTINGS = {
    "WORKER__BANDWIDTH": str(SLOW),
    "WORKER__PATIENCE": "1",
    "WORKER__NICE": "7",
    "WORKER__IO_CLASS": "idle",
    "RETRIES__CRASH_SECONDS": "0",
    "UPKEEP__INTERVAL": "20",
}
BYTES = 60_000_000
WORKER = "sandbox-worker"
BANDWIDTH = bandwidth_name(WORKER)


class Ground:
    """A sandbox whose worker may be hurt: it is started again unless it is held down."""

    def __init__(self, sandbox: Running) -> None:
        self.sandbox = sandbox
        self.home = sandbox.home
        self.pause_file = self.home.data / "acquiring"
        self.orders = self.home.worker / f"{WORKER}.orders.json"
        self.prefect = httpx.Client(base_url=f"{sandbox.prefect}/api", trust_env=False, timeout=60)
        self.alice = Courier(sandbox, "alice")

    def worker(self) -> int:
        """Its process; 0 while it is down."""
        return json.loads(self.home.pids.read_text())["worker"] or 0

    def hold(self) -> None:
        (self.home.holds / "worker").touch()

    def let_go(self) -> None:
        (self.home.holds / "worker").unlink(missing_ok=True)
        eventually(self.worker, "the worker is there again")

    def let_runs_send(self, bytes_per_second: int) -> None:
        self.prefect.post("/variables/", json={"name": BANDWIDTH, "value": bytes_per_second}).raise_for_status()

    def hurry(self) -> None:
        """Let what runs come to its end."""
        self.let_runs_send(0)

    def as_at_first(self) -> None:
        """Undo what a test did."""
        self.pause_file.unlink(missing_ok=True)
        self.prefect.delete(f"/variables/name/{BANDWIDTH}")
        self.let_go()

    def close(self) -> None:
        self.prefect.close()
        self.alice.http.close()

    def run(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.prefect.get(f"/flow_runs/{number}").raise_for_status().json()
        return answer

    def cancels_in_the_ui(self, number: str) -> None:
        wish = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self.prefect.post(f"/flow_runs/{number}/set_state", json=wish).raise_for_status()

    def states(self, number: str) -> list[str]:
        states = self.prefect.get("/flow_run_states/", params={"flow_run_id": number}).raise_for_status().json()
        return [each["name"] for each in sorted(states, key=lambda each: each["timestamp"])]


class Import:
    """A large file on its way."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        folder = ground.alice.folder()
        self.file = make_large_ome_tiff(folder / "large.ome.tiff", at_least=BYTES, seed=int(folder.name, 16))
        self.dataset = folder.name
        self.number = ground.alice.asks(self.file, target=f"Project:name:Worker/Dataset:name:{self.dataset}")

    def uploads(self) -> "Import":
        eventually(self.bytes_done, "something is uploaded")
        return self

    def bytes_done(self) -> int:
        rows = self.ground.alice.status(self.number)["filesets"]
        return sum(each["bytes_done"] for each in rows if each["stage"] == "upload")

    def process(self) -> psutil.Process:
        return eventually(
            lambda: next((each for each in psutil.process_iter() if self._is_ours(each)), None), "process"
        )

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(RUN_ID) == self.number
        except psutil.Error:
            return False

    def becomes(self, state: str) -> None:
        eventually(lambda: state in self.ground.states(self.number), f"{state} among {self.ground.states(self.number)}")

    def arrives_once(self) -> None:
        eventually(lambda: self.ground.run(self.number)["state_type"] == "COMPLETED", "the import is complete")
        (image,) = images_in(self.ground.sandbox, "alice", "Worker", self.dataset)
        assert (image.bytes, image.checksum) == (
            self.file.stat().st_size,
            hashlib.sha1(self.file.read_bytes()).hexdigest(),
        )


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    data: Path = tmp_path_factory.mktemp("rough") / "data"
    settings = {**SETTINGS, "WORKER__PAUSE_FILE": str(data / "acquiring")}
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    process = SandboxProcess(data)
    try:
        ground = Ground(process.start("--restart", *options))
        yield ground
        ground.close()
    finally:
        process.stop()


@pytest.fixture
def ground(rough: Ground) -> Iterator[Ground]:
    """That sandbox, with its worker at work, slowly."""
    eventually(lambda: rough.orders.exists() and read_orders(rough.orders).bytes_per_second == SLOW, "it is slow")
    yield rough
    rough.as_at_first()


def drain(ground: Ground) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deployments.worker.drain", "--pool", "omero-sandbox", "--data", ground.home.data]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=200)


def test_a_drained_worker_loses_and_doubles_nothing(ground: Ground) -> None:
    large = Import(ground).uploads()
    ground.hold()

    drained = drain(ground)

    assert (drained.returncode, drained.stderr) == (0, "")
    assert f"{WORKER}: has ended" in drained.stdout
    assert ground.states(large.number)[-1] == PUT_OFF
    ground.let_go()
    ground.hurry()
    large.arrives_once()


@pytest.mark.thorough
def test_runs_stand_back_and_an_operator_slows_them_down_while_they_run(ground: Ground) -> None:
    large = Import(ground).uploads()
    process = large.process()
    assert (process.nice(), process.ionice().ioclass) == (7, psutil.IOPRIO_CLASS_IDLE)

    ground.let_runs_send(5_000_000)

    eventually(lambda: read_orders(ground.orders).bytes_per_second == 5_000_000, "the worker takes it over")
    large.arrives_once()


def test_nothing_starts_in_a_pause_and_what_ran_gives_its_place_back(ground: Ground) -> None:
    running = Import(ground).uploads()
    ground.pause_file.touch()
    eventually(lambda: read_orders(ground.orders).held == f"{ground.pause_file} is there", "the worker pauses")
    waiting = Import(ground)

    running.becomes(PUT_OFF)

    assert ground.run(waiting.number)["start_time"] is None
    ground.hurry()
    ground.pause_file.unlink()
    running.arrives_once()
    waiting.arrives_once()


@pytest.mark.thorough
def test_a_run_whose_worker_died_still_hears_a_cancel(ground: Ground) -> None:
    large = Import(ground).uploads()
    ground.hold()
    os.kill(ground.worker(), signal.SIGKILL)

    ground.alice.http.post(f"/v1/imports/{large.number}/cancel").raise_for_status()

    assert ground.alice.outcome(large.number)["state"] == "cancelled"
    assert images_in(ground.sandbox, "alice", "Worker", large.dataset) == []


@pytest.mark.thorough
def test_a_run_whose_worker_died_is_drained_with_the_others_and_cancelled_in_the_ui_at_once(ground: Ground) -> None:
    large = Import(ground).uploads()
    ground.hold()
    os.kill(ground.worker(), signal.SIGKILL)
    eventually(lambda: not ground.worker(), "the worker is down")

    drained = drain(ground)

    assert (drained.returncode, drained.stdout.splitlines()[0]) == (0, f"a run of {WORKER}: asked to stop")
    assert ground.states(large.number)[-1] == PUT_OFF
    ground.cancels_in_the_ui(large.number)
    assert ground.states(large.number)[-1] == "Cancelled"
    assert ground.alice.outcome(large.number)["state"] == "cancelled"


@pytest.mark.thorough
def test_a_second_signal_ends_a_run_that_does_not_answer(ground: Ground) -> None:
    large = Import(ground).uploads()
    worker, process = ground.worker(), large.process()
    process.suspend()

    os.kill(worker, signal.SIGTERM)
    eventually(lambda: read_orders(ground.orders).draining, "it has heard the first")
    os.kill(worker, signal.SIGTERM)

    large.becomes("Crashed")
    assert not process.is_running()
    ground.hurry()
    large.arrives_once()
