"""What a small file costs in CPU besides its import: a run of many, less the same through the core alone.

Counted are the Prefect server, PostgreSQL, the worker and the process of the run, its start and end included; what
they use while nothing is imported is measured first, and taken off for as long as the run lasts.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient

from deployments.sandbox.environment import SERVER
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from deployments.worker.orphans import carried_out
from flows.core.requests import ImportRequest
from tests.bench.figures import Figure, Sizes
from tests.bench.material import alike_images
from tests.bench.rigs import PROJECT, NotInTime, wait_for

USER = "alice"
PATIENCE = 1800.0
IDLE_SECONDS = 120.0
COUNTED = {
    "Prefect server": "deployments.prefect_server",
    "PostgreSQL": "postgres -D",
    "worker and run": "deployments.worker --pool omero-",
}
"""By name, what the command line of a part of the sandbox contains."""


def measure(sizes: Sizes, running: Running) -> Iterator[Figure]:
    """Import small files through the core alone, and as many others, which OMERO does not have yet either, as a run."""
    share = running.home.shares / USER
    model = make_small_ome_tiff(share / "model.ome.tiff")
    count = sizes.small_files
    for first, name in ((0, "core"), (count, "run"), (2 * count, "before")):
        last = first + (count if name != "before" else 1)
        alike_images(model, {each: share / name / f"{each:06}.ome.tiff" for each in range(first, last)})
    alone = _core_alone(running, _request(share, "core"))
    _run(running, _request(share, "before"))  # the worker has started what it starts but once
    spent = beyond_idle(running, COUNTED, lambda: _run(running, _request(share, "run")))
    per_file = (sum(spent.values()) - alone) / sizes.small_files * 1000
    samples = {**{name: [value] for name, value in spent.items()}, "the core alone": [alone]}
    yield Figure(
        f"orchestration: CPU of one of {sizes.small_files} small files", per_file, "ms", None, 25, samples, "CPU s"
    )


def _request(share: Path, name: str) -> ImportRequest:
    return ImportRequest(sources=[str(share / name)], target=f"Dataset:name:{name}", on_behalf_of=USER)


def _core_alone(running: Running, request: ImportRequest) -> float:
    """Return the CPU seconds of a process that imports without Prefect."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.core_alone"],
        input=request.model_dump_json().encode(),
        env={**os.environ, "COURIER_ENV_FILE": str(running.home.settings), "COURIER_SERVER": SERVER},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(json.loads(done.stdout)["cpu"])


def _run(running: Running, request: ImportRequest) -> None:
    """Import as a run, and wait until its process has ended, too."""
    with SyncPrefectClient(f"{running.prefect}/api") as prefect:
        deployment = prefect.read_deployment_by_name(f"import-images/{SERVER}").id
        asked = request.model_dump(mode="json", exclude_defaults=True)
        run = prefect.create_flow_run_from_deployment(deployment, parameters={"request": asked})
        wait_for(lambda: _ended(prefect, run.id), "the import of many files", PATIENCE, every=2)
    worker = _part(running, COUNTED["worker and run"])
    runs = {process.pid for process, _ in carried_out()}
    wait_for(lambda: not runs & {each.pid for each in worker.children(recursive=True)} or None, "the end of the run")


def _ended(prefect: SyncPrefectClient, run_id: UUID) -> bool | None:
    state = prefect.read_flow_run(run_id).state
    if state is None or not state.is_final():
        return None
    if not state.is_completed():
        raise RuntimeError(f"the import of many files ended {state.name}: {state.message}")
    return True


def beyond_idle(running: Running, counted: Mapping[str, str], work: Callable[[], object]) -> dict[str, float]:
    """Return the CPU seconds that work costs each part, less what it uses while nothing is done.

    Args:
        running: the sandbox.
        counted: by name, what the command line of a part contains.
        work: takes as long as it takes.
    """
    idle = _spent(running, counted, lambda: time.sleep(IDLE_SECONDS))
    began = time.monotonic()
    busy = _spent(running, counted, work)
    idles = (time.monotonic() - began) / IDLE_SECONDS
    return {name: busy[name] - idle[name] * idles for name in counted}


def _spent(running: Running, counted: Mapping[str, str], work: Callable[[], object]) -> dict[str, float]:
    """Return the CPU seconds that each part uses meanwhile."""
    parts = {name: _part(running, command) for name, command in counted.items()}
    before = {name: cpu_seconds(part) for name, part in parts.items()}
    work()
    return {name: cpu_seconds(part) - before[name] for name, part in parts.items()}


def _part(running: Running, command: str) -> psutil.Process:
    """Return a process of the sandbox by its command line."""
    for each in psutil.Process(running.supervisor).children():
        if command in " ".join(each.cmdline()):
            return each
    raise NotInTime(f"{command}: this part of the sandbox does not run")


def cpu_seconds(process: psutil.Process) -> float:
    """Return what a process and all that it started have used, those included that have ended."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:4]) for each in family)
