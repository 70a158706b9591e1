"""A remote folder of each kind, filled and looked at by the tests from its other side."""

import io
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import numpy as np
import tifffile
from pydantic import SecretStr

from flows.core.remotes import Connections, Remote
from flows.core.requests import StagedFileset, Staging, VerifiedFileset
from flows.core.settings import StagingArea, Verification
from flows.core.transfer import transfer_fileset
from flows.core.verify import Access, Expansion, expand, verify_fileset
from tests.core.transfer.arrangement import Watch
from tests.support.far_servers import PASSWORD, S3, Http, PlainHttp, Sftp, Wire

LONG_AGO = 1_700_000_000


@dataclass
class Rig:
    """A remote folder, the wire to it, and the settings that open it to everyone."""

    kind: str
    base: str
    """Its address, up to the folder that is open."""
    put: Callable[[str, bytes, int], None]
    """Writes a file below that folder, as of a time."""
    wire: Wire | None
    """None where there is none: all in this process."""
    remote: Remote
    lists: bool = True
    ranged: bool = True
    connections: list[Connections] = field(default_factory=list)

    def of(self, name: str) -> str:
        return f"{self.base}/{name}"

    def fill(self, **files: bytes) -> None:
        for name, content in files.items():
            self.put(name, content, LONG_AGO)

    def access(self, **changes: object) -> Access:
        remotes = {"far": self.remote.model_copy(update=changes)}
        self.connections.append(Connections(remotes))
        return Access(user="alice", groups=(), roots={}, remotes=remotes, connections=self.connections[-1])

    def expand(self, *sources: str, **changes: object) -> Expansion:
        return expand(sources, access=self.access(**changes), settings=Verification(settle_seconds=0))

    def verified(self, name: str) -> VerifiedFileset:
        found = self.expand(self.of(name))
        assert found.refused == ()
        return verify_fileset(found.filesets[0], access=self.access(), settings=Verification(settle_seconds=0))

    def staged(self, verified: VerifiedFileset, area: StagingArea, control: Watch | None = None) -> StagedFileset:
        reach = self.access().store
        return transfer_fileset(
            verified, staging=area, mode=Staging.AUTO, run_id="run-1", control=control or Watch(), reach=reach
        )

    def close(self) -> None:
        for each in self.connections:
            each.close()
        if self.wire is not None:
            self.wire.close()


def tiff(size: int = 512, seed: int = 1) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 65535, (size, size), dtype=np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, pixels)
    return out.getvalue()


def in_folder(folder: Path) -> Callable[[str, bytes, int], None]:
    def put(name: str, content: bytes, when: int) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (when, when))

    return put


def sftp_rig(server: Sftp) -> Rig:
    wire, name = Wire(server.port), uuid.uuid4().hex
    (server.folder / name).mkdir()
    base = f"sftp://127.0.0.1:{wire.port}/{name}"
    remote = Remote(
        url=base,
        everyone=True,
        user="courier",
        private_key=server.private_key,
        host_keys=(server.host_key,),
        timeout=30,
    )
    return Rig("sftp", base, in_folder(server.folder / name), wire, remote)


def s3_rig(server: S3) -> Rig:
    wire, bucket = Wire(server.port), f"b{uuid.uuid4().hex}"
    client = server.client()
    client.create_bucket(Bucket=bucket)

    def put(name: str, content: bytes, when: int) -> None:
        client.put_object(Bucket=bucket, Key=f"data/{name}", Body=content)

    remote = Remote(
        url=f"s3://{bucket}/data",
        everyone=True,
        access_key=SecretStr("key"),
        secret_key=SecretStr("secret"),
        endpoint=f"http://127.0.0.1:{wire.port}",
        region="us-east-1",
        timeout=30,
    )
    return Rig("s3", remote.url, put, wire, remote)


def http_rig(server: Http) -> Rig:
    wire, name = Wire(server.port), uuid.uuid4().hex
    base = f"http://127.0.0.1:{wire.port}/closed/{name}"
    remote = Remote(url=base, everyone=True, user="courier", password=SecretStr(PASSWORD), timeout=30)
    return Rig("http", base, in_folder(server.folder / "closed" / name), wire, remote, lists=False)


def plain_rig(server: PlainHttp, folder: Path) -> Rig:
    wire, name = Wire(server.port), uuid.uuid4().hex
    base = f"http://127.0.0.1:{wire.port}/{name}"
    remote = Remote(url=base, everyone=True, timeout=30)
    return Rig("plain", base, in_folder(folder / name), wire, remote, lists=False, ranged=False)


def memory_rig() -> Rig:
    """One of a driver that we know nothing of: it keeps files in memory."""
    folder, files = uuid.uuid4().hex, fsspec.filesystem("memory")

    def put(name: str, content: bytes, when: int) -> None:
        files.pipe_file(f"/{folder}/{name}", content)

    remote = Remote(url=f"memory://box/{folder}", everyone=True)
    return Rig("memory", remote.url, put, None, remote)


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
