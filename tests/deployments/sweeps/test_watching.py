"""A folder that changes is swept sooner; whatever goes wrong with that, its schedule is left."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.sweeps import watching
from deployments.sweeps.__main__ import main
from deployments.sweeps.watching import Watcher
from flows.core.afterwards.names import IMPORTED
from flows.core.sweep.definition import SweepDefinition
from tests.support.sandbox import until

SECONDS = 30.0


class Watched:
    """A folder, and the sweeps that were asked for."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.asked: list[str] = []
        self.answers = True
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._quiet = 600.0
        monkeypatch.setattr(watching, "ask_for_sweep", self._ask)
        monkeypatch.setattr(watching, "AGAIN", 0.2)
        monkeypatch.setattr(watching, "TICK", 0.1)

    def _ask(self, name: str, _now: float) -> bool:
        self.asked.append(name)
        return self.answers

    def begins(self) -> None:
        """Watch, from a thread as the command does."""
        definition = SweepDefinition.model_validate(
            {"root": str(self.root), "assign": {"user": "alice"}, "settled": {"quiet_minutes": self._quiet / 60}}
        )
        watcher = Watcher("confocal", definition)
        self._thread = threading.Thread(target=watcher.watch, args=(self._stop,), daemon=True)
        self._thread.start()

    def notices(self, name: str) -> None:
        """Write files of this name until a sweep was asked for: when watching has begun nobody says."""
        before = len(self.asked)

        def written() -> bool:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(b"x")
            return len(self.asked) > before

        until(written, SECONDS, "a sweep is asked for")

    def ends(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(SECONDS)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    root = tmp_path / "images"
    root.mkdir()
    made = Watched(root, monkeypatch)
    yield made
    made.ends()


def test_a_change_anywhere_in_the_folder_asks_for_a_sweep(watched: Watched) -> None:
    watched.begins()
    watched.notices("alice/day 1/a.tif")

    assert set(watched.asked) == {"confocal"}


def test_a_folder_that_comes_later_is_watched_once_it_is_there(watched: Watched) -> None:
    watched.root.rmdir()
    watched.begins()
    watched.root.mkdir()
    watched.notices("a.tif")


def test_a_folder_that_goes_and_comes_back_is_watched_again(watched: Watched) -> None:
    watched.begins()
    watched.notices("a.tif")
    watched.root.rename(watched.root.with_name("elsewhere"))
    watched.root.mkdir()
    watched.notices("b.tif")


def test_a_folder_that_may_not_be_looked_into_keeps_nobody_from_watching_the_rest(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = watched.root / "closed"
    closed.mkdir(mode=0o000)
    watched.begins()
    watched.notices("a.tif")
    closed.chmod(0o700)


def test_what_sweeps_put_away_themselves_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path, monkeypatch)
    definition = SweepDefinition.model_validate({"root": str(tmp_path), "assign": {"user": "alice"}})
    watcher = Watcher("confocal", definition)
    watcher.heard({tmp_path / IMPORTED / "a.tif"}, 1.0)
    assert watched.asked == []

    watcher.heard({tmp_path / "a.tif"}, 2.0)
    assert watched.asked == ["confocal"]


def test_while_prefect_does_not_answer_it_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path, monkeypatch)
    watched.answers = False
    definition = SweepDefinition.model_validate({"root": str(tmp_path), "assign": {"user": "alice"}})
    watcher = Watcher("confocal", definition)
    for now, changed in ((1.0, {tmp_path / "a.tif"}), (2.0, set())):
        watcher.heard(changed, now)

    assert watched.asked == ["confocal", "confocal"]


def test_without_watchfiles_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "find_spec", lambda name: None)

    assert main(["watch"]) == 2
    assert "omero-courier[watch]" in capsys.readouterr().err
