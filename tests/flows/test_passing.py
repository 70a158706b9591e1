"""What happens to the chunks of an import whose OMERO goes away in the midst of them."""

import socket
import uuid
from typing import cast

import pytest
from cryptography.fernet import Fernet

from flows.core.control import Stage
from flows.core.errors import CourierError, OmeroBusy, OmeroUnavailable
from flows.core.job import Chunk, Job
from flows.core.ledger import Ledger
from flows.core.requests import Fileset, ImportRequest, SourceFile
from flows.core.settings import Settings
from flows.passing import Passing
from flows.run_record import RunRecord
from tests.support.understudy import Understudy


class Bulk:
    """The record of a bulk run for which nobody waits."""

    is_bulk = True

    def give_way(self, ledger: Ledger) -> None:
        """Go on."""


@pytest.fixture
def nowhere() -> int:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def job_with(port: int) -> tuple[Job, list[Chunk]]:
    """An import of three chunks of two files."""
    account = {"user": "courier-service", "password": "courier-service"}
    settings = Settings(
        servers={"main": {"host": "127.0.0.1", "port": port, "service_account": account, "connect_timeout": 5}},
        seal_keys=[Fernet.generate_key().decode()],
    )
    job = Job(str(uuid.uuid4()), ImportRequest(sources=["/d"], on_behalf_of="alice"), settings)
    filesets = [
        Fileset(files=(SourceFile(path=f"/d/{number}", client_path=f"/d/{number}", size=1, mtime_ns=1),))
        for number in range(6)
    ]
    job.ledger.open(filesets, ())
    return job, [Chunk(tuple(filesets[first : first + 2])) for first in (0, 2, 4)]


def pass_failing(job: Job, chunks: list[Chunk], *errors: CourierError) -> list[Chunk]:
    """Have the files of each chunk fail with these errors; return the chunks that were tried."""
    tried = []

    def work(chunk: Chunk) -> None:
        tried.append(chunk)
        for fileset, error in zip(chunk.filesets, errors, strict=True):
            job.ledger.failed(fileset, error)

    Passing(job, cast("RunRecord", Bulk()), lambda: None).through(work, chunks)
    return tried


def test_no_chunk_is_tried_once_omero_is_away_and_all_wait_for_a_further_try(nowhere: int) -> None:
    job, chunks = job_with(nowhere)

    assert pass_failing(job, chunks, *[OmeroUnavailable("It hung up.")] * 2) == chunks[:1]
    statuses = job.ledger.statuses()
    assert {each.stage for each in statuses} == {Stage.WAITING}
    assert [(each.failure.what, each.failure.transient) for each in statuses if each.failure] == [
        ("It hung up.", True)
    ] * 6
    assert len(job.ledger.stragglers()) == 6


def test_all_are_tried_where_omero_answers(understudy: Understudy) -> None:
    job, chunks = job_with(understudy.ssl_port)

    assert pass_failing(job, chunks, *[OmeroUnavailable("It hung up.")] * 2) == chunks


def test_all_are_tried_where_only_some_of_a_chunk_found_it_away(nowhere: int) -> None:
    job, chunks = job_with(nowhere)

    assert pass_failing(job, chunks, OmeroUnavailable("It hung up."), OmeroBusy()) == chunks
