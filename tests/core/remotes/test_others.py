"""Protocols that only fsspec's own drivers speak: what they find is taken, what they raise is told in our words."""

import hashlib
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError

from flows.core.errors import SourceMissing, SourceUnreadable
from flows.core.remotes import Place, Remote
from flows.core.remotes.store import OtherStore, look_of
from flows.core.settings import StagingArea
from tests.core.remotes.rigs import Rig, tiff


def test_a_folder_is_found_verified_and_copied(memory: Rig, area: StagingArea) -> None:
    content = tiff()
    memory.fill(**{"day/cells.tif": content})

    staged = memory.staged(memory.verified("day"), area)

    assert [each.client_path for each in staged.fileset.files] == [memory.of("day/cells.tif")]
    assert Path(staged.files[0].path).read_bytes() == content
    assert staged.files[0].sha1 == hashlib.sha1(content).hexdigest()


def test_a_file_that_is_not_there_is_missing(memory: Rig) -> None:
    (refused,) = memory.expand(memory.of("nothing.tif")).refused

    assert refused.code == SourceMissing().code


class Refused(Exception):
    """What a driver's library calls a refused login: nothing that the operating system would say."""


def test_what_a_driver_alone_understands_is_told_and_not_tried_for_days(
    memory: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Refused("530 Login incorrect: secret")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "info", refuse)
    store = OtherStore(memory.remote, Place.parse(memory.base))

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
