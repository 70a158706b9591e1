"""What a run shows of itself in Prefect: its name, tags, a moving progress bar, the table of filesets, the report."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from pydantic import TypeAdapter

from flows.core.errors import AttemptSuperseded
from flows.core.ledger import Ledger
from flows.core.status import FILESETS, FilesetStatus, overall, progress_bar, progress_line

log = logging.getLogger(__name__)

SHORTEST_INTERVAL = 1.0
"""Seconds between two looks at the ledger, of a run that has just begun."""
LONGEST_INTERVAL = 5.0
"""Seconds between two looks at the ledger, of a run that takes minutes."""
INTERVAL_GROWS = 0.1
"""Seconds by which the interval grows with each second that the run takes."""
LOOK_INTERVAL = 10.0
"""Seconds between two looks at whether this attempt still counts."""
ROWS_PER_SECOND = 50
"""A long table is written less often than the progress bar: it goes to the server whole."""
REPORT = "What is in OMERO, what is not, and why."
TABLE = "Where each file is, with all that is known of it. When the run has ended, the report says it in words."


_STATUSES = TypeAdapter(tuple[FilesetStatus, ...])


class Publisher:
    """Shows the ledger while it changes, from a thread of its own, so that no stage waits for Prefect.

    When Prefect is away the import goes on, and what it shows catches up later.
    """

    def __init__(self, client: SyncPrefectClient, run_id: UUID, ledger: Ledger, look: Callable[[], object]) -> None:
        """Prepare; `with` starts and ends it. `look` is called every few seconds, from the same thread."""
        self._run_id = run_id
        self._ledger = ledger
        self._artifacts: dict[str, UUID] = {}
        self._shown = -1
        self._tabled = (-1, float("-inf"))
        """The revision of the table that is shown, and when it was written."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="publisher", daemon=True)
        self._client = client
        self._look = look
        self._begun = self._looked = time.monotonic()

    def __enter__(self) -> Self:
        """Start to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the last state, and end."""
        self._stop.set()
        self._thread.join()
        self._look_and_show()

    def rename(self, name: str, tags: set[str]) -> None:
        """Give the run its name and tags once it is known what it imports."""
        try:
            self._client.update_flow_run(self._run_id, name=name, tags=tags)
        except httpx.HTTPError as away:
            log.warning("The run could not be renamed: %s", away)

    def page(self, text: str) -> None:
        """Leave the run's report, as markdown."""
        try:
            self._write("report", "markdown", text, REPORT)
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the report is not kept there: %s", away)

    def earlier(self) -> tuple[FilesetStatus, ...]:
        """Return how far an earlier attempt of the run was; nothing where it came to nothing.

        Raises:
            httpx.HTTPError: Prefect does not answer.
        """
        if (known := self._of_earlier_attempt(FILESETS)) is None:
            return ()
        return _STATUSES.validate_python(known.data)

    def _watch(self) -> None:
        while not self._stop.wait(self._interval()):
            self._look_and_show()

    def _interval(self) -> float:
        """Each look costs Prefect's server more than the import of a small file; of a long run fewer say as much."""
        return min(max(SHORTEST_INTERVAL, (time.monotonic() - self._begun) * INTERVAL_GROWS), LONGEST_INTERVAL)

    def _look_and_show(self) -> None:
        """Show nothing over what another attempt shows: a process that was suspended looks first when it wakes up."""
        if time.monotonic() - self._looked > LOOK_INTERVAL:
            self._look()
            self._looked = time.monotonic()
        if not isinstance(self._ledger.stopped_by, AttemptSuperseded):
            self._show()

    def _show(self) -> None:
        revision = self._ledger.revision
        if revision == self._shown == self._tabled[0]:
            return
        statuses = self._ledger.statuses()
        try:
            if revision != self._shown:
                done, total = overall(statuses)
                share = done / total if total else 0.0
                self._write("progress", "progress", 100 * share, f"{progress_bar(share)} {progress_line(statuses)}")
                self._shown = revision
            if self._is_table_due(revision, len(statuses)):
                self._write(FILESETS, "table", [status.model_dump(mode="json") for status in statuses], TABLE)
                self._tabled = (revision, time.monotonic())
        except httpx.HTTPError as away:
            log.warning("Prefect does not answer, the import goes on: %s", away)

    def _is_table_due(self, revision: int, rows: int) -> bool:
        shown, written = self._tabled
        waited = time.monotonic() - written
        return revision != shown and (self._stop.is_set() or waited >= max(SHORTEST_INTERVAL, rows / ROWS_PER_SECOND))

    def _write(self, kind: str, type_: str, data: Any, description: str) -> None:
        if kind not in self._artifacts and (earlier := self._of_earlier_attempt(kind)) is not None:
            self._artifacts[kind] = earlier.id
        if (known := self._artifacts.get(kind)) is not None:
            # Prefect's own call sends everything a second time, as an event that its server keeps for a week.
            changed = {"data": data, "description": description}
            self._client.request("PATCH", "/artifacts/{id}", path_params={"id": known}, json=changed)
            return
        artifact = self._client.create_artifact(
            ArtifactCreate(key=kind, type=type_, data=data, description=description, flow_run_id=self._run_id)
        )
        self._artifacts[kind] = artifact.id

    def _of_earlier_attempt(self, kind: str) -> Artifact | None:
        """It is written on, so that a run shows each of them once."""
        found = self._client.read_artifacts(
            artifact_filter=ArtifactFilter(
                key=ArtifactFilterKey(any_=[kind]), flow_run_id=ArtifactFilterFlowRunId(any_=[self._run_id])
            ),
            limit=1,
        )
        return found[0] if found else None
