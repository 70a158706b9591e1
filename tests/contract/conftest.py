"""The OMERO that the contract suite speaks to: the stand-in, and a real server where one is named.

For a real server set

    OMERO_TEST_HOST                       its host name; without it that half of the suite is skipped
    OMERO_TEST_PORT                       its encrypted port, 4064 if left out
    OMERO_TEST_USER, OMERO_TEST_PASSWORD  an ordinary user with a default group
    OMERO_TEST_SERVICE_USER, OMERO_TEST_SERVICE_PASSWORD
                                          optional: a restricted administrator that holds the Sudo privilege

Everything that a test makes carries a name of its own, so that a server in use is not hurt; images and datasets stay.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.core.omero_client import OmeroSession, log_in
from flows.core.omero_client.annotations import RUN
from flows.core.omero_client.holdings import marked
from flows.core.requests import Fileset, SourceFile, StagedFile, StagedFileset
from flows.core.settings import OmeroServer, ServiceAccount

Stage = Callable[..., StagedFileset]


@dataclass(frozen=True)
class Omero:
    """An OMERO, and somebody who may log in there."""

    server: OmeroServer
    user: str
    password: SecretStr


def _real() -> Omero:
    environment = os.environ
    if not (host := environment.get("OMERO_TEST_HOST")):
        pytest.skip("OMERO_TEST_HOST is not set")
    account = None
    if name := environment.get("OMERO_TEST_SERVICE_USER"):
        account = ServiceAccount(user=name, password=SecretStr(environment["OMERO_TEST_SERVICE_PASSWORD"]))
    return Omero(
        server=OmeroServer(host=host, port=int(environment.get("OMERO_TEST_PORT", "4064")), service_account=account),
        user=environment["OMERO_TEST_USER"],
        password=SecretStr(environment["OMERO_TEST_PASSWORD"]),
    )


@pytest.fixture
def stand_in(understudy) -> Omero:
    """The stand-in, and alice."""
    account = ServiceAccount(user="courier-service", password=SecretStr("courier-service"))
    server = OmeroServer(host=understudy.host, port=understudy.ssl_port, service_account=account)
    return Omero(server=server, user="alice", password=SecretStr("alice"))


@pytest.fixture
def trouble(understudy):
    """The switchboard of the stand-in, counts at zero, put right again afterwards."""
    understudy.control.clear()
    yield understudy.control
    understudy.control.let_go()
    understudy.control.clear()


@pytest.fixture(params=["stand-in", "real"])
def omero(request: pytest.FixtureRequest) -> Omero:
    """Each OMERO that there is."""
    return _real() if request.param == "real" else request.getfixturevalue("stand_in")


@pytest.fixture
def session(omero: Omero) -> Iterator[OmeroSession]:
    """A session of the user, in their default group."""
    with log_in(omero.server, omero.user, omero.password) as opened:
        yield opened


@pytest.fixture
def unique() -> str:
    """A name that nothing on the server has."""
    return f"courier-contract-{uuid.uuid4()}"


@pytest.fixture
def run_key() -> str:
    """The key of a fileset of some run."""
    return f"{uuid.uuid4()}/{uuid.uuid4().hex}"


@pytest.fixture
def left(session: OmeroSession, run_key: str) -> Callable[..., list[int]]:
    """Ask which filesets OMERO holds under the key of the run."""
    return lambda by=session: marked(by, "Fileset", RUN, run_key)


@pytest.fixture
def stage() -> Stage:
    """Describe files as staged: read where they are, or as copies."""

    def describe(*paths: Path, staged: bool = False, sha1: str | None = None) -> StagedFileset:
        files = [
            SourceFile(
                path=str(path), client_path=str(path), size=path.stat().st_size, mtime_ns=path.stat().st_mtime_ns
            )
            for path in paths
        ]
        copies = [StagedFile(path=each.path, client_path=each.path, size=each.size, sha1=sha1) for each in files]
        return StagedFileset(fileset=Fileset(files=tuple(files)), files=tuple(copies), staged=staged)

    return describe
