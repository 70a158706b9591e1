"""The stages of an import, each over a chunk of filesets: calls the parts that do the work, and keeps the ledger."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from math import ceil
from pathlib import Path

from flows.core.arrivals import Arrivals
from flows.core.errors import CourierError, FilesetsUnfinished, SourceAway, SourceMissing
from flows.core.job import Chunk, Job
from flows.core.leaving import without_what_was_put_away
from flows.core.ledger import STOPS
from flows.core.metadata.orders import table_of
from flows.core.metadata.plan import plan
from flows.core.requests import Fileset, Staging
from flows.core.transfer import check_room, is_afar, transfer_fileset
from flows.core.verify.check import verify_copies, verify_fileset
from flows.core.verify.expand import expand
from flows.core.wishes import check_after_import, check_placement

log = logging.getLogger(__name__)

CHUNK_FILESETS = 250
"""Small filesets that pass the stages together: three task runs for each file would cost more than the import."""
FEW_FILESETS = 50
"""Those of an import of few files are cut smaller, down to this number, so that one chunk is read while another is
imported; and of so many OMERO is asked at a time what it holds of them."""
LARGE = 64 * 1024 * 1024
"""Bytes from which a fileset is a chunk of its own, and from which a chunk of small ones takes no more."""


def prepare(job: Job) -> tuple[Chunk, ...]:
    """Log in, check the target, find the files, and cut them into chunks.

    Raises:
        CourierError: nothing of this import can be done, or not now.
    """
    check_placement(job.request, job.server_name, job.server)
    check_after_import(job.request, job.access(), job.server)
    found = expand(job.request.sources, access=job.access(), settings=job.settings.verification, control=job.ledger)
    job.found = without_what_was_put_away(job, found.filesets)
    table = table_of(job.request, job.access(), job.settings.metadata)
    planned = plan(job.request, job.found, table, refused=found.refused, repeated=job.repeated)
    fitting = [each for each in job.found if each.key in planned.said]
    job.filesets = job.ledger.open(fitting, (*found.refused, *planned.refused))
    job.check_importer(job.found)
    job.aim(planned)
    check_room(sum(each.size for each in job.filesets), job.settings.staging, job.staging)
    if job.settings.staging.directory is not None:
        check_room(sum(each.size for each in job.filesets if is_afar(each)), job.settings.staging, Staging.STAGE)
    return chunks(job.filesets)


def chunks(filesets: Sequence[Fileset]) -> tuple[Chunk, ...]:
    """Cut into chunks: a large fileset alone, small ones together up to a number and a volume, in their order."""
    most = min(max(ceil(len(filesets) / 4), FEW_FILESETS), CHUNK_FILESETS)
    cut: list[Chunk] = []
    small: list[Fileset] = []
    volume = 0
    for fileset in filesets:
        if fileset.size >= LARGE:
            cut.append(Chunk((fileset,)))
            continue
        small.append(fileset)
        volume += fileset.size
        if len(small) == most or volume >= LARGE:
            cut.append(Chunk(tuple(small)))
            small, volume = [], 0
    return (*cut, Chunk(tuple(small))) if small else tuple(cut)


def verify(job: Job, chunk: Chunk) -> str | None:
    """See that each fileset is there, complete, settled, readable and sound.

    Returns:
        What to say of those that failed, or None where none did; the ledger has the reason of each.

    Raises:
        FilesetsUnfinished: none got through, and trying again may help.
        ImportCancelled: the run was cancelled.
    """

    def look(fileset: Fileset) -> None:
        seen = verify_fileset(fileset, access=job.access(), settings=job.settings.verification, control=job.ledger)
        log.debug("%s: %s, %d bytes, sound as far as can be seen", fileset.name, seen.format, seen.fileset.size)
        job.ledger.verified(seen)

    return _each(job, [each for each in chunk.filesets if not job.ledger.has_verified(each.key)], look)


def transfer(job: Job, chunk: Chunk) -> str | None:
    """Bring the bytes of each verified fileset to where the import reads them. Ends as `verify` does."""

    def bring(fileset: Fileset) -> None:
        verified = job.ledger.verified_of(fileset.key)
        staged = transfer_fileset(
            verified,
            staging=job.settings.staging,
            mode=job.staging,
            run_id=job.run_id,
            control=job.ledger,
            reach=job.access().store,
        )
        if is_afar(fileset):
            verify_copies(staged)
        job.ledger.staged(staged)

    passed = [each for each in chunk.filesets if job.ledger.has_verified(each.key)]
    return _each(job, [each for each in passed if not job.ledger.has_staged(each.key)], bring)


def bring_in(job: Job, chunk: Chunk) -> str | None:
    """Bring each staged fileset into OMERO, some at a time; between those, a bulk import gives way to people who wait.

    Ends as `verify` does. `RunPutOff` leaves those that were not begun to a later attempt.
    """
    passed = [each for each in chunk.filesets if job.ledger.has_staged(each.key) and not job.ledger.is_done(each.key)]
    hopeful = [each for each in passed if not job.ledger.is_hopeless(each.key)]
    errors: list[CourierError] = []
    for begin in range(0, len(hopeful), FEW_FILESETS):
        if begin:
            job.surroundings.give_way()
            job.ledger.between_filesets()
        some = hopeful[begin : begin + FEW_FILESETS]
        with closing(Arrivals(job, some)) as arrivals:
            try:
                arrivals.open()
            except CourierError as error:
                return _none_of(job, hopeful[begin:], error)
            failed = _errors(job, some, arrivals.bring, side_by_side=job.server.filesets_per_run)
            arrivals.read_back()
            failed |= _errors(job, [each for each in some if each.key not in failed], arrivals.settle, gated=False)
            arrivals.sum_up()
        errors += failed.values()
    return _verdict(passed, hopeful, errors)


def _none_of(job: Job, filesets: Sequence[Fileset], error: CourierError) -> str:
    """Note that none got through, for the same reason."""
    for fileset in filesets:
        job.ledger.failed(fileset, error)
    if isinstance(error, STOPS):
        raise error
    told = f"{len(filesets)} of {len(filesets)} did not get through. {error}"
    if error.transient:
        raise FilesetsUnfinished(told) from error
    return told


def _each(job: Job, filesets: Sequence[Fileset], work: Callable[[Fileset], None]) -> str | None:
    """Do the work for each that may still succeed; one that fails does not stop the others.

    A stage is tried again only when nothing got through, so that no file waits for the retries of another:
    the flow gives stragglers a round of their own.
    """
    hopeful = [each for each in filesets if not job.ledger.is_hopeless(each.key)]
    return _verdict(filesets, hopeful, list(_errors(job, hopeful, work).values()))


def _errors(
    job: Job,
    filesets: Sequence[Fileset],
    work: Callable[[Fileset], None],
    *,
    side_by_side: int = 1,
    gated: bool = True,
) -> dict[str, CourierError]:
    """Do the work for each; return, by key, why some did not get through, as the ledger has it.

    Args:
        job: of the run.
        filesets: to be worked on.
        work: on one of them.
        side_by_side: how many at a time.
        gated: a cancel, a pause, or a worker that drains may end it between two of them.
    """

    def one(fileset: Fileset) -> CourierError | None:
        try:
            if gated:
                job.ledger.between_filesets()
            work(fileset)
        except CourierError as error:
            told = _as_seen_before(error, fileset).about(fileset.files[0].client_path)
            log.warning("%s", told)
            job.ledger.failed(fileset, told)
            return told
        return None

    if side_by_side == 1:
        return {each.key: error for each in filesets if (error := one(each)) is not None}
    with ThreadPoolExecutor(side_by_side, "fileset") as pool:
        running = [(each.key, pool.submit(copy_context().run, one, each)) for each in filesets]
        return {key: error for key, done in running if (error := done.result()) is not None}


def _verdict(filesets: Sequence[Fileset], hopeful: Sequence[Fileset], errors: Sequence[CourierError]) -> str | None:
    """Say what becomes of a stage, of whose filesets some failed: as `verify` tells."""
    if stops := [error for error in errors if isinstance(error, STOPS)]:
        raise stops[0]
    if not errors:
        return None
    told = f"{len(errors)} of {len(filesets)} did not get through. {errors[0]}"
    if len(errors) == len(hopeful) and any(error.transient for error in errors):
        raise FilesetsUnfinished(told)
    return told


def _as_seen_before(error: CourierError, fileset: Fileset) -> CourierError:
    """A file that was found a moment ago, and is gone together with its folder, lies on a share that went away."""
    if isinstance(error, SourceMissing) and not is_afar(fileset) and not Path(fileset.files[0].path).parent.is_dir():
        return SourceAway("The folder that holds it has gone.", which=error.which)
    return error
