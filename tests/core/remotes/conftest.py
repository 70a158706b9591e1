"""A server of each kind for all tests, and a remote folder on each for every one; a small staging area."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.core.settings import StagingArea
from flows.core.transfer import copying
from tests.core.remotes.rigs import Rig, http_rig, memory_rig, plain_rig, s3_rig, sftp_rig
from tests.support.far_servers import S3, Http, PlainHttp, Sftp, closing_all


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", 1024 * 1024)


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    folder = tmp_path_factory.mktemp("sftp")
    (folder / "files").mkdir()
    server = Sftp(folder / "files", folder / "keys")
    with closing_all(server):
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = S3(tmp_path_factory.mktemp("s3") / "log")
    with closing_all(server):
        yield server


@pytest.fixture(scope="session")
def http_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    server = Http(tmp_path_factory.mktemp("http"))
    with closing_all(server):
        yield server


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlainHttp, Path]]:
    folder = tmp_path_factory.mktemp("plain")
    server = PlainHttp(folder)
    with closing_all(server):
        yield server, folder


@pytest.fixture
def sftp(sftp_server: Sftp) -> Iterator[Rig]:
    rig = sftp_rig(sftp_server)
    with closing_all(rig):
        yield rig


@pytest.fixture
def s3(s3_server: S3) -> Iterator[Rig]:
    rig = s3_rig(s3_server)
    with closing_all(rig):
        yield rig


@pytest.fixture
def http(http_server: Http) -> Iterator[Rig]:
    rig = http_rig(http_server)
    with closing_all(rig):
        yield rig


@pytest.fixture
def plain(plain_server: tuple[PlainHttp, Path]) -> Iterator[Rig]:
    rig = plain_rig(*plain_server)
    with closing_all(rig):
        yield rig


@pytest.fixture
def memory() -> Iterator[Rig]:
    rig = memory_rig()
    with closing_all(rig):
        yield rig


@pytest.fixture(params=["sftp", "s3", "http", "plain"])
def far(request: pytest.FixtureRequest) -> Rig:
    """A remote folder of each kind."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["sftp", "s3"])
def listed(request: pytest.FixtureRequest) -> Rig:
    """A remote folder of each kind that knows folders."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["sftp", "s3", "http"])
def ranged(request: pytest.FixtureRequest) -> Rig:
    """A remote folder of each kind whose files can be read from anywhere on."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def area(tmp_path: Path) -> StagingArea:
    (tmp_path / "staging").mkdir()
    return StagingArea(directory=tmp_path / "staging", keep_free=0)
