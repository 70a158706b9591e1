"""A chunk of small files goes to OMERO in parts, between which a bulk import gives way to people who wait."""

import logging
import shutil

import pytest
from cryptography.fernet import Fernet

from deployments.sandbox.images import make_small_ome_tiff
from flows.core import pipeline
from flows.core.control import Stage
from flows.core.errors import FilesetsUnfinished, RunPutOff
from flows.core.job import Chunk, Job, Surroundings
from flows.core.ledger import Ledger
from flows.core.pipeline import FEW_FILESETS
from flows.core.requests import ImportRequest
from flows.core.settings import Settings

pytestmark = pytest.mark.contract
FILES = FEW_FILESETS + 2
"""A part and a bit."""


@pytest.fixture
def folder(tmp_path, run_key):
    """Copies of one image, that no other test has: those of its own run count as no duplicates."""
    first = make_small_ome_tiff(tmp_path / "first.ome.tiff", seed=int(run_key[:7], 16))
    folder = tmp_path / "data" / "alice"
    folder.mkdir(parents=True)
    for number in range(FILES):
        shutil.copy(first, folder / f"{number:02}.ome.tiff")
    return folder


@pytest.fixture
def attempt(stand_in, folder, run_key):
    """Bring everything up to OMERO's door, as one chunk: `attempt(ledger, number, give_way=...)`."""
    jobs = []
    run = run_key[:36]
    request = ImportRequest(on_behalf_of="alice", sources=[str(folder)], target=f"Dataset:name:{run}")
    settings = Settings(
        servers={"main": stand_in.server},
        roots={"data": {"path": f"{folder.parent}/{{user}}"}},
        verification={"settle_seconds": 0},
        seal_keys=[Fernet.generate_key().decode()],
    )

    def attempt(ledger, number=1, **around):
        job = Job(run, request, settings, attempt=number, ledger=ledger, surroundings=Surroundings(**around))
        jobs.append(job)
        pipeline.prepare(job)
        chunk = Chunk(job.filesets)
        for stage in (pipeline.verify, pipeline.transfer):
            assert stage(job, chunk) is None
        return job, chunk

    yield attempt
    for job in jobs:
        job.account.close()


def images_in_omero(job):
    (count,) = job.account.session().rows(
        "select count(l.id) from DatasetImageLink l where l.parent.name = :name", name=job.run_id
    )[0]
    return count


def test_all_parts_of_a_chunk_end_in_omero_once_with_a_line_in_the_log_for_each_part(attempt, caplog):
    caplog.set_level(logging.INFO, "flows.core.arrivals")
    job, chunk = attempt(Ledger())

    assert pipeline.bring_in(job, chunk) is None
    assert caplog.messages == [
        f"{FEW_FILESETS} files are in OMERO: 00.ome.tiff to {FEW_FILESETS - 1}.ome.tiff",
        f"{FILES - FEW_FILESETS} files are in OMERO: {FEW_FILESETS}.ome.tiff to {FILES - 1}.ome.tiff",
    ]
    assert {each.stage for each in job.ledger.statuses()} == {Stage.DONE}
    assert [each.duplicate for each in job.ledger.statuses()] == [False] * FILES
    assert images_in_omero(job) == FILES


def test_who_gives_way_after_a_part_begins_nothing_more_and_goes_on_later(attempt, trouble):
    ledger = Ledger()
    job, chunk = attempt(ledger, give_way=lambda: ledger.begin_no_more(RunPutOff("People wait.")))

    with pytest.raises(RunPutOff, match="People wait"):
        pipeline.bring_in(job, chunk)
    stages = [each.stage for each in ledger.statuses()]
    assert (stages.count(Stage.DONE), images_in_omero(job)) == (FEW_FILESETS, FEW_FILESETS)
    assert trouble.stats().calls["importFileset"] == FEW_FILESETS

    later = Ledger()
    later.restore(ledger.statuses(), failed_too=False)
    job, chunk = attempt(later, 2)
    assert len(chunk.filesets) == FILES - FEW_FILESETS
    assert pipeline.bring_in(job, chunk) is None
    assert {each.stage for each in later.statuses()} == {Stage.DONE}
    assert images_in_omero(job) == FILES


def test_what_no_part_came_to_is_tried_again_with_the_part_that_omero_refused(attempt, trouble):
    job, chunk = attempt(Ledger())
    trouble.fault("importFileset", "omero.InternalException", after=FEW_FILESETS, times=None)

    told = pipeline.bring_in(job, chunk)
    assert told is not None
    assert [each.stage for each in job.ledger.statuses()].count(Stage.DONE) == FEW_FILESETS
    trouble.clear()
    assert pipeline.bring_in(job, chunk) is None
    assert images_in_omero(job) == FILES


def test_a_lost_connection_between_two_parts_leaves_the_rest_to_a_further_try(attempt, trouble):
    job, chunk = attempt(Ledger())
    trouble.fault("importFileset", "drop-connection", after=FEW_FILESETS, times=None)

    with pytest.raises(FilesetsUnfinished, match=f"{FILES - FEW_FILESETS} of"):
        pipeline.bring_in(job, chunk)
    trouble.clear()
    assert pipeline.bring_in(job, chunk) is None
    assert {each.stage for each in job.ledger.statuses()} == {Stage.DONE}
    assert images_in_omero(job) == FILES
