"""A watched folder of a test's own, in the shared sandbox: swept when the test says so."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from omero.gateway import BlitzGateway
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.deploy import deploy
from deployments.sandbox.environment import ADMINISTRATOR
from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from flows.core.names import SWEEP_FLOW, sweep_table, sweep_totals
from flows.core.settings import ENV_FILE, read_settings
from flows.core.sweep.report import SweepRow, SweepTotals
from flows.core.sweep.verdicts import Verdict
from tests.support.courier import eventually
from tests.support.sweeper import Sweeper, sweep


class Swept:
    """What one sweep left."""

    def __init__(self, run: FlowRun, totals: SweepTotals, rows: tuple[SweepRow, ...]) -> None:
        self.run, self.totals, self.rows = run, totals, rows

    @property
    def state(self) -> str:
        """The name of the state that its run ended in."""
        assert self.run.state is not None
        return str(self.run.state.name)

    def count(self, verdict: Verdict) -> int:
        """How many filesets it decided that about."""
        return self.totals.verdicts.get(verdict, 0)

    def row(self, path: Path) -> SweepRow:
        """Its row about a file."""
        return next(each for each in self.rows if each.path == str(path))


class WatchedFolder:
    """A folder of alice's and its sweep."""

    def __init__(self, sandbox: Running, sweeper: Sweeper) -> None:
        self.sandbox = sandbox
        self._sweeper = sweeper
        self.name = f"test-{uuid4().hex[:8]}"
        self.root = sandbox.home.watched / "alice" / self.name
        self.root.mkdir(parents=True)

    def is_defined(self, **changed: Any) -> None:
        """Write its definition, and deploy it."""
        definition = {
            "root": str(self.root),
            "schedule": {"every_minutes": 600},
            "active": False,
            "settled": {"quiet_minutes": 0},
            "assign": {"user": "alice", "path": "{dataset}"},
            **changed,
        }
        (self.sandbox.home.sweeps / f"{self.name}.yaml").write_text(yaml.safe_dump(definition))
        asyncio.run(deploy(read_settings()))

    def gets(self, path: str, *, seed: int | None = None) -> Path:
        """Put an image there, like no other unless a seed is given."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        return make_small_ome_tiff(file, seed=seed)

    @property
    def memory(self) -> Path:
        """What its sweeps remember."""
        return self.sandbox.home.memory / f"{self.name}.db"

    def is_swept(self, *, dry_run: bool = False) -> Swept:
        """Sweep it now, and not through the worker, which takes seconds to start a process for each sweep."""
        return self.ended(self._sweeper.sweep(self.name, dry_run=dry_run), dry_run=dry_run)

    def is_swept_here(self) -> Swept:
        """Sweep it in the test's own process, whose parts the test may have replaced."""
        with get_client(sync_client=True) as client:
            return self.ended(sweep(client, self.name))

    def begins(self, *, dry_run: bool = False) -> UUID:
        """Ask for a sweep by the worker, by hand as from the UI."""
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(f"{SWEEP_FLOW}/{self.name}")
            run = client.create_flow_run_from_deployment(
                deployment.id, parameters={"sweep": self.name, "dry_run": dry_run}
            )
        return run.id

    def ended(self, run_id: UUID, *, dry_run: bool = False) -> Swept:
        """Wait for the end of a sweep."""
        with get_client(sync_client=True) as client:

            def look() -> FlowRun | None:
                run = client.read_flow_run(run_id)
                return run if run.state is not None and run.state.is_final() else None

            run = eventually(look, f"the end of the sweep {self.name}")
            found = client.read_artifacts(
                artifact_filter=where.ArtifactFilter(
                    flow_run_id=where.ArtifactFilterFlowRunId(any_=[run_id]),
                )
            )
        artifacts = {each.key: each.data for each in found}
        table = artifacts.get(sweep_table(self.name, dry_run=dry_run), [])
        (totals,) = artifacts.get(sweep_totals(self.name, dry_run=dry_run)) or [
            {"sweep": self.name, "server": "", "run_id": "", "dry_run": dry_run, "started": 0, "seconds": 0}
        ]
        return Swept(run, SweepTotals.model_validate(totals), tuple(map(SweepRow.model_validate, table)))

    def mails(self) -> list[EmailMessage]:
        """What administrators were sent about it, oldest first."""
        files = sorted(self.sandbox.home.mails.glob("*.eml"))
        letters = [message_from_bytes(each.read_bytes(), policy=policy.default) for each in files]
        ours = [each for each in letters if each["To"] == ADMINISTRATOR]
        return [each for each in ours if self.name in str(each.get_body(("plain",)))]

    def imports_everything(self) -> Swept:
        """Sweep until nothing of what is there now is under way any more."""

        def settled() -> Swept | None:
            swept = self.is_swept()
            self._await_imports(swept)
            open_ones = sum(swept.count(each) for each in (Verdict.NEW, Verdict.SUBMITTED, Verdict.WAITING))
            return swept if not open_ones and not swept.count(Verdict.SETTLING) else None

        return eventually(settled, f"the imports of {self.name}")

    def _await_imports(self, swept: Swept) -> None:
        """Wait for the imports that a sweep says are under way."""
        rows = [row for row in swept.rows if row.verdict in {Verdict.NEW, Verdict.SUBMITTED}]
        under_way = {UUID(row.import_id) for row in rows if row.import_id}
        with get_client(sync_client=True) as client:

            def are_over() -> bool:
                states = [client.read_flow_run(each).state for each in under_way]
                return all(state is not None and state.is_final() for state in states)

            eventually(are_over, f"the imports of {self.name}")


@pytest.fixture
def watched(sandbox: Running, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedFolder]:
    """A folder of alice's; its sweep is not defined yet."""
    monkeypatch.setenv(ENV_FILE, str(sandbox.home.settings))
    with temporary_settings({PREFECT_API_URL: f"{sandbox.prefect}/api"}):
        folder = WatchedFolder(sandbox, sweeper)
        yield folder
    (sandbox.home.sweeps / f"{folder.name}.yaml").unlink(missing_ok=True)
    shutil.rmtree(folder.root, ignore_errors=True)


@pytest.fixture
def images_in(sandbox: Running) -> Iterator[Callable[[str], list[str]]]:
    """Returns the names of alice's images in a dataset; of none where there is no such dataset."""
    gateway = BlitzGateway(
        "alice", sandbox.logins["alice"], host=sandbox.omero_host, port=sandbox.omero_ssl_port, secure=True
    )
    assert gateway.connect(), gateway.getLastError()

    def names(dataset: str) -> list[str]:
        found = list(gateway.getObjects("Dataset", attributes={"name": dataset}))
        images = (gateway.getObjects("Image", opts={"dataset": each.getId()}) for each in found)
        return sorted(image.getName() for of_one in images for image in of_one)

    yield names
    gateway.close()
