"""What a small new file costs in CPU from a watched folder into OMERO: everything of the courier's is counted.

That is the Prefect server, PostgreSQL, both workers, and all that they start: the sweeps, and the imports from reading
the file to the message at the end. What they use while nothing happens is taken off. The OMERO stand-in is not counted.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import yaml
from omero.gateway import BlitzGateway
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploy import deploy
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_ome_tiff
from flows.core.names import SWEEP_FLOW
from flows.core.settings import ENV_FILE, read_settings
from tests.bench.figures import Figure, Sizes
from tests.bench.material import alike_images
from tests.bench.orchestration import COUNTED, beyond_idle
from tests.bench.rigs import wait_for

NAME = "arrivals"
USER = "alice"
FOLDERS = 4
"""Datasets that the files go into."""
PATIENCE = 3600.0
MOST = 25
"""Milliseconds."""
ALL_COUNTED = {**COUNTED, "sweeps and housekeeping": "deployments.worker --pool courier"}


def measure(sizes: Sizes, running: Running) -> Iterator[Figure]:
    """Let files arrive in a watched folder, and sweep it until OMERO has all of them."""
    root = running.home.shares / USER / NAME
    _define(running, root)
    _fill(root, range(1))
    _import_all(running, 1)  # both workers have started what they start but once
    _fill(root, range(1, sizes.arriving + 1))
    spent = beyond_idle(running, ALL_COUNTED, lambda: _import_all(running, sizes.arriving + 1))
    samples = {name: [value] for name, value in spent.items()}
    per_file = sum(spent.values()) / sizes.arriving * 1000
    yield Figure(
        f"arrivals: CPU of one of {sizes.arriving:,} new small files", per_file, "ms", None, MOST, samples, "CPU s"
    )


def _define(running: Running, root: Path) -> None:
    definition = {
        "root": str(root),
        "schedule": {"every_minutes": 600},
        "active": False,
        "settled": {"quiet_minutes": 0},
        "assign": {"user": USER, "path": "{dataset}"},
    }
    (running.home.sweeps / f"{NAME}.yaml").write_text(yaml.safe_dump(definition))
    os.environ[ENV_FILE] = str(running.home.settings)
    with temporary_settings({PREFECT_API_URL: f"{running.prefect}/api"}):
        asyncio.run(deploy(read_settings()))


def _fill(root: Path, numbers: range) -> None:
    """Write images of 20 kB, each with pixels of its own."""
    model = make_ome_tiff(root.parent / "model.ome.tiff", channels=["DAPI"], z=1, t=2, size=(64, 64))
    alike_images(model, {each: root / f"{NAME}-{each % FOLDERS}" / f"{each:05}.ome.tiff" for each in numbers})
    model.unlink()


def _import_all(running: Running, files: int) -> None:
    with SyncPrefectClient(f"{running.prefect}/api") as prefect:
        deployment = prefect.read_deployment_by_name(f"{SWEEP_FLOW}/{NAME}").id
        for _ in range(2):  # the second look takes what the first has seen
            run = prefect.create_flow_run_from_deployment(deployment).id
            wait_for(lambda run=run: _is_over(prefect, run), "a sweep", PATIENCE, every=2)
    wait_for(lambda: _held(running) >= files or None, "the imports of new files", PATIENCE, every=5)


def _is_over(prefect: SyncPrefectClient, run_id: object) -> bool | None:
    state = prefect.read_flow_run(run_id).state  # type: ignore[arg-type]
    if state is None or not state.is_final():
        return None
    if not state.is_completed():
        raise RuntimeError(f"the sweep ended {state.name}: {state.message}")
    return True


def _held(running: Running) -> int:
    """Count the images that OMERO holds of these."""
    gateway = BlitzGateway(
        USER, running.logins[USER], host=running.omero_host, port=running.omero_ssl_port, secure=True
    )
    if not gateway.connect():
        return 0
    try:
        found = gateway.getObjects("Dataset")
        ours = [each for each in found if each.getName().startswith(f"{NAME}-")]
        return sum(each.countChildren() for each in ours)
    finally:
        gateway.close()
