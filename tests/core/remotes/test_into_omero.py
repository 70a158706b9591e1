"""From another machine into OMERO, through all stages: what OMERO then holds, and that nothing comes twice."""

import uuid
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from flows.core import pipeline
from flows.core.control import Stage
from flows.core.job import Job
from flows.core.omero_client import OmeroSession, log_in
from flows.core.omero_client.annotations import PROVENANCE
from flows.core.requests import ImportRequest
from flows.core.settings import OmeroServer, ServiceAccount, Settings, StagingArea
from flows.core.status import FilesetStatus
from tests.core.remotes.rigs import Rig, tiff
from tests.core.transfer.arrangement import left_in
from tests.support.understudy import Understudy


@pytest.fixture
def settings(understudy: Understudy, area: StagingArea) -> Settings:
    account = ServiceAccount(user="courier-service", password=SecretStr("courier-service"))
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port, service_account=account)
    return Settings(
        servers={"main": server},
        staging=area,
        verification={"settle_seconds": 0},
        seal_keys=(SecretStr(Fernet.generate_key().decode()),),
    )


def brought_in(settings: Settings, rig: Rig, name: str, **more: object) -> FilesetStatus:
    """Import a file as a run does, and return what became of it."""
    request = ImportRequest(on_behalf_of="alice", sources=[rig.of(name)], target="Dataset:name:From afar", **more)
    with Job(str(uuid.uuid4()), request, settings.model_copy(update={"remotes": {"far": rig.remote}})) as job:
        for chunk in pipeline.prepare(job):
            for stage in (pipeline.verify, pipeline.transfer, pipeline.bring_in):
                stage(job, chunk)
        (status,) = job.ledger.statuses()
    return status


@pytest.fixture
def as_alice(settings: Settings) -> Iterator[OmeroSession]:
    with log_in(settings.servers["main"], "alice", SecretStr("alice")) as session:
        yield session


def sources_of(session: OmeroSession, status: FilesetStatus) -> list[str]:
    """Where an image says that it came from."""
    (said,) = session.objects(
        "select a from MapAnnotation a where a.ns = :namespace and a.id in"
        " (select l.child.id from ImageAnnotationLink l where l.parent.id = :image) order by a.id",
        namespace=PROVENANCE,
        image=status.images[0].id,
    )
    return [pair.value for pair in said.mapValue if pair.name == "Source"]


def test_a_file_gets_into_omero_once_and_says_where_it_came_from(
    far: Rig, settings: Settings, area: StagingArea, as_alice: OmeroSession
) -> None:
    name = f"{uuid.uuid4().hex} 1.tif"
    far.fill(**{name: tiff(64, seed=uuid.uuid4().int % 2**32)})

    first = brought_in(settings, far, name)
    again = brought_in(settings, far, name)

    assert (first.failure, first.stage, again.duplicate) == (None, Stage.DONE, True)
    assert [image.id for image in again.images] == [image.id for image in first.images]
    assert left_in(area) == []
    assert far.of(name) in sources_of(as_alice, first)
