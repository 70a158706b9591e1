"""Why a file was not imported, asked on the machine that sweeps; and files that are released there."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet

from deployments.sweeps import asking
from flows.core.errors import SourceAway, UnknownSweep
from flows.core.requests import Fileset, SourceFile
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Verdict

Run = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the sweep named confocal watches."""
    watched, sweeps = tmp_path / "watched", tmp_path / "sweeps"
    watched.mkdir()
    sweeps.mkdir()
    definition = {"root": str(watched), "assign": {"path": "{user}/{dataset}"}}
    (sweeps / "confocal.yaml").write_text(yaml.safe_dump(definition))
    settings = tmp_path / "courier.env"
    settings.write_text(
        "COURIER_SERVERS__main__HOST=omero.invalid\n"
        "COURIER_SERVERS__main__SERVICE_ACCOUNT__USER=courier\nCOURIER_SERVERS__main__SERVICE_ACCOUNT__PASSWORD=x\n"
        f"COURIER_ROOTS__watched__PATH={watched}/{{user}}\n"
        f"COURIER_SWEEPS__FOLDER={sweeps}\nCOURIER_SWEEPS__MEMORY={tmp_path}/memory\n"
        f"""COURIER_SEAL_KEYS='["{Fernet.generate_key().decode()}"]'\n"""
    )
    monkeypatch.setenv("COURIER_ENV_FILE", str(settings))
    return watched


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one of the commands, and return what it prints."""
    parser = argparse.ArgumentParser()
    asking.register(parser.add_subparsers(required=True).add_parser)

    def call(*words: str) -> str:
        asked = parser.parse_args(words)
        asked.run(asked)
        return capsys.readouterr().out

    return call


def image(root: Path, name: str = "alice/First/cells.tif") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"II*\0\x08\0\0\0")
    return path


def remember(root: Path, path: Path, verdict: Verdict) -> None:
    """Let an earlier sweep have decided that about a file."""
    file = SourceFile(path=str(path), client_path=str(path), size=8, mtime_ns=1)
    kept = Remembered(fileset=Fileset(files=(file,)), verdict=verdict, code="so", reason="It is so.", since=0)
    with Memory.opened(root.parent / "memory" / "confocal.db") as memory:
        memory.remember([kept])


def test_why_says_what_is_decided_for_whom_and_where(root: Path, run: Run) -> None:
    path = image(root)
    lines = run("why", "confocal", str(path)).splitlines()

    assert lines[0] == str(path)
    assert lines[1].partition(" ")[0] in set(Verdict)
    assert lines[2] == "for alice into Dataset:name:First"


def test_a_path_is_taken_from_here_or_below_the_root(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(root)
    monkeypatch.chdir(path.parent)

    told = {run("why", "confocal", each).splitlines()[0] for each in ("cells.tif", "alice/First/cells.tif")}
    assert told == {str(path)}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param(b"two\nlines.tif", r"two\nlines.tif", id="newline"),
        pytest.param(b"\x1b[31mred.tif", r"\x1b[31mred.tif", id="what a terminal obeys"),
        pytest.param(b"caf\xe9.tif", "caf\N{REPLACEMENT CHARACTER}.tif", id="no UTF-8"),
    ],
)
def test_odd_names_are_printed_in_one_line(root: Path, run: Run, name: bytes, shown: str) -> None:
    path = image(root, f"alice/First/{os.fsdecode(name)}")

    assert run("why", "confocal", str(path)).splitlines()[0] == f"{root}/alice/First/{shown}"


def test_an_unknown_sweep_is_told(root: Path, run: Run) -> None:
    with pytest.raises(UnknownSweep):
        run("why", "nothing", str(image(root)))


def test_a_folder_that_is_away_is_not_empty(root: Path, run: Run) -> None:
    root.rmdir()

    with pytest.raises(SourceAway, match="does not have the folder"):
        run("why", "confocal", "alice/First/cells.tif")


@pytest.mark.parametrize(
    ("only", "told"),
    [
        pytest.param([], "2 released: the next sweep looks at them again.\n", id="all"),
        pytest.param(["alice/First/a.tif"], "1 released: the next sweep looks at it again.\n", id="one"),
        pytest.param(["bob"], "0 released: the next sweep looks at them again.\n", id="none"),
    ],
)
def test_files_are_released(root: Path, run: Run, only: list[str], told: str) -> None:
    for name, verdict in (("a", Verdict.FAILED), ("b", Verdict.QUARANTINED), ("c", Verdict.IMPORTED)):
        remember(root, root / f"alice/First/{name}.tif", verdict)

    assert run("release", "confocal", *only) == told
