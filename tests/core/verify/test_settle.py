"""A file that is being written is not touched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import ImportCancelled, SourceMissing, SourceUnsettled
from flows.core.settings import Verification
from flows.core.verify.settle import Clock, settled

NOW = 1_800_000_000.0


class Time:
    """A clock that stands still but for waiting; while one waits, the file may change."""

    def __init__(self, meanwhile: Callable[[float], object] = lambda now: None) -> None:
        self.now, self.meanwhile = NOW, meanwhile

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile(self.now)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, wait=self.wait)


def touch(path: Path, when: float, content: bytes = b"x") -> None:
    path.write_bytes(content)
    os.utime(path, (when, when))


def look(path: Path, time: Time, **settings: object) -> os.stat_result:
    return settled(str(path), "a.tif", settings=Verification(**settings), control=Uncontrolled(), clock=time.clock)


def test_an_old_file_is_not_waited_for(tmp_path: Path) -> None:
    touch(tmp_path / "a.tif", NOW - 5)

    look(tmp_path / "a.tif", time := Time())

    assert time.now == NOW


def test_a_fresh_file_is_waited_for_no_longer_than_needed(tmp_path: Path) -> None:
    touch(tmp_path / "a.tif", NOW - 3)

    look(tmp_path / "a.tif", time := Time(), settle_seconds=5)

    assert time.now == pytest.approx(NOW + 2)


def test_a_time_in_the_future_is_not_waited_for_until_it_comes(tmp_path: Path) -> None:
    touch(tmp_path / "a.tif", NOW + 3600)

    look(tmp_path / "a.tif", time := Time(), settle_seconds=5)

    assert time.now == pytest.approx(NOW + 5)


def test_a_file_whose_server_tells_no_time_is_looked_at_twice(tmp_path: Path) -> None:
    touch(tmp_path / "a.tif", 0)

    look(tmp_path / "a.tif", time := Time(), settle_seconds=5)

    assert time.now == pytest.approx(NOW + 5)


def test_a_file_that_keeps_growing_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    touch(path, NOW)

    with pytest.raises(SourceUnsettled) as error:
        look(path, Time(lambda now: touch(path, now, b"x" * int(now - NOW + 1))), settle_seconds=5)

    assert error.value.transient


def test_a_file_that_grew_once_is_taken_as_it_is_then(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    touch(path, NOW - 1)
    grow = Time(lambda now: touch(path, NOW + 1, b"longer") if now < NOW + 1 else None)

    assert look(path, grow, settle_seconds=5).st_size == len(b"longer")


def test_a_file_that_goes_away_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    touch(path, NOW)

    with pytest.raises(SourceMissing):
        look(path, Time(lambda _: path.unlink(missing_ok=True)))


def test_a_cancelled_import_does_not_wait(tmp_path: Path) -> None:
    touch(tmp_path / "a.tif", NOW)

    class Cancelled(Uncontrolled):
        def check(self) -> None:
            raise ImportCancelled

    with pytest.raises(ImportCancelled):
        settled(
            str(tmp_path / "a.tif"), "a.tif", settings=Verification(), control=Cancelled(), clock=(time := Time()).clock
        )
    assert time.now == NOW
