"""Protocols that only fsspec's own drivers speak: what they find is taken, what they raise is told in our words."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError

from flows.core.errors import SourceMissing, SourceUnreadable
from flows.core.remotes import Connections, Place, Remote
from flows.core.remotes.store import OtherStore, look_of
from flows.core.requests import Staging
from flows.core.settings import StagingArea, Verification
from flows.core.transfer import transfer_fileset
from flows.core.verify import Access, expand, verify_fileset
from tests.core.remotes.test_each_kind import tiff
from tests.core.transfer.arrangement import Watch

QUICK = Verification(settle_seconds=0)


@pytest.fixture
def base() -> str:
    """A folder in the driver that keeps files in memory."""
    return f"memory://box/{uuid.uuid4().hex}"


@pytest.fixture
def access(base: str) -> Iterator[Access]:
    remotes = {"far": Remote(url=base, everyone=True)}
    connections = Connections(remotes)
    yield Access(user="alice", groups=(), roots={}, remotes=remotes, connections=connections)
    connections.close()


def put(address: str, content: bytes) -> None:
    fsspec.filesystem("memory").pipe_file(Place.parse(address).path, content)


def test_a_folder_is_found_verified_and_copied(base: str, access: Access, area: StagingArea) -> None:
    content = tiff()
    put(f"{base}/day/cells.tif", content)

    found = expand([f"{base}/day"], access=access, settings=QUICK)
    verified = verify_fileset(found.filesets[0], access=access, settings=QUICK)
    staged = transfer_fileset(
        verified, staging=area, mode=Staging.AUTO, run_id="run-1", control=Watch(), reach=access.store
    )

    assert [each.files[0].client_path for each in found.filesets] == [f"{base}/day/cells.tif"]
    assert Path(staged.files[0].path).read_bytes() == content
    assert staged.files[0].sha1 == hashlib.sha1(content).hexdigest()


def test_a_file_that_is_not_there_is_missing(base: str, access: Access) -> None:
    (refused,) = expand([f"{base}/nothing.tif"], access=access, settings=QUICK).refused

    assert refused.code == SourceMissing().code


class Refused(Exception):
    """What a driver's library calls a refused login: nothing that the operating system would say."""


def test_what_a_driver_alone_understands_is_told_and_not_tried_for_days(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Refused("530 Login incorrect: secret")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "info", refuse)
    store = OtherStore(Remote(url=base, everyone=True), Place.parse(base))

    with pytest.raises(SourceUnreadable, match="Refused") as told:
        store.look("/cells.tif", "cells.tif")
    assert not told.value.transient
    assert "secret" not in str(told.value)


def test_a_time_as_ftp_tells_it_is_read() -> None:
    look = look_of({"type": "file", "size": 3, "modify": "20261129120000"})

    assert look.st_mtime == 1795953600


@pytest.mark.parametrize("modify", ["", "yesterday", "20261399120000"])
def test_what_is_no_time_is_none(modify: str) -> None:
    assert look_of({"type": "file", "size": 3, "modify": modify}).st_mtime_ns == 0


def test_a_protocol_that_nobody_speaks_is_refused_at_once() -> None:
    with pytest.raises(ValidationError, match="foo:// is no protocol"):
        Remote(url="foo://host/folder", everyone=True)
