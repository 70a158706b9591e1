"""Passes chunks through the stages, a few at a time, until the machine wants the run to end or OMERO has gone away."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from prefect.exceptions import TerminationSignal

from flows.core.errors import OmeroUnavailable
from flows.core.job import Chunk, Job
from flows.core.ledger import STOPS
from flows.run_record import RunRecord
from flows.upkeep.outages import why_away


class Passing:
    """The chunks of one attempt on their way."""

    def __init__(self, job: Job, record: RunRecord, heed_signal: Callable[[], None]) -> None:
        """Begin with none; `heed_signal` is called when the process is told to end, and has the stages stop."""
        self._job = job
        self._record = record
        self._heed_signal = heed_signal
        self._away: OmeroUnavailable | None = None
        """Why nothing of what is left can be imported now."""

    def through(self, work: Callable[[Chunk], None], chunks: Sequence[Chunk]) -> None:
        """Pass each chunk through `work`.

        Bulk imports take one after the other: they give way between two chunks, and within a chunk of small files.
        """
        at_a_time = 1 if self._record.is_bulk else self._job.server.filesets_per_run + 1
        with ThreadPoolExecutor(at_a_time, "chunk") as pool:
            running = [pool.submit(contextvars.copy_context().run, self._one, work, chunk) for chunk in chunks]
            try:
                for done in running:
                    done.result()
            except TerminationSignal:
                # Before the pool waits for its threads, which go on until they hear of it.
                self._heed_signal()
                raise

    def _one(self, work: Callable[[Chunk], None], chunk: Chunk) -> None:
        try:
            self._record.give_way(self._job.ledger)
            self._job.ledger.between_filesets()
        except STOPS:
            return
        if self._away is None:
            work(chunk)
            self._away = self._why_away(chunk)
            return
        for each in chunk.filesets:
            if not self._job.ledger.is_done(each.key):
                self._job.ledger.failed(each, self._away)

    def _why_away(self, chunk: Chunk) -> OmeroUnavailable | None:
        """Ask OMERO whether it is there, where no file of a chunk found it: those of the others would wait in vain."""
        failures = [self._job.ledger.status(each.key).failure for each in chunk.filesets]
        found = [each for each in failures if each is not None and each.code == OmeroUnavailable().code]
        if len(found) < len(failures) or why_away(self._job.server) is None:
            return None
        return OmeroUnavailable(found[0].what)
