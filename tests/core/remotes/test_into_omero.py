"""From another machine into OMERO, through all stages: what OMERO then holds, and that nothing comes twice."""

import uuid

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from flows.core import pipeline
from flows.core.errors import CourierError
from flows.core.job import Job
from flows.core.omero_client import log_in
from flows.core.omero_client.annotations import PROVENANCE
from flows.core.requests import ImportedFileset, ImportRequest, Placement
from flows.core.settings import OmeroServer, ServiceAccount, Settings, StagingArea
from tests.core.remotes.rigs import Rig
from tests.core.remotes.test_each_kind import tiff
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


def brought_in(settings: Settings, rig: Rig, name: str, **more: object) -> tuple[ImportedFileset | None, str]:
    """Import a file as a run does, and return what came of it, and what was said of failures."""
    request = ImportRequest(on_behalf_of="alice", sources=[rig.of(name)], target="Dataset:name:From afar", **more)
    of_this = settings.model_copy(update={"remotes": {"far": rig.remote}})
    failed: list[str] = []
    with Job(str(uuid.uuid4()), request, of_this) as job:
        for chunk in pipeline.prepare(job):
            for stage in (pipeline.verify, pipeline.transfer, pipeline.bring_in):
                failed += [told for told in [stage(job, chunk)] if told]
        results = [job.ledger.status(each.key) for each in job.filesets]
        done = [each for each in job.ledger.results()] if hasattr(job.ledger, "results") else []
    assert len(results) == 1
    return (done[0] if done else None), " ".join(failed)
