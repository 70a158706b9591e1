import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from deployments.setup.__main__ import PROJECT, fingerprint, installing
from deployments.setup.pack_installed import pack


def project(path: Path, pins: str = "rich==15.0.0\n") -> Path:
    (path / "deployments" / "setup").mkdir(parents=True)
    (path / "pyproject.toml").write_text("[project]\n")
    (path / "constraints.txt").write_text(pins)
    return path


def test_nothing_changed_is_nothing_to_do(tmp_path: Path) -> None:
    clone = project(tmp_path)

    assert fingerprint(clone) == fingerprint(clone)


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt", "deployments/setup/new.py"])
def test_a_change_of_what_is_installed_means_a_new_set_up(tmp_path: Path, changed: str) -> None:
    clone = project(tmp_path)
    before = fingerprint(clone)

    (clone / changed).write_text("different")

    assert fingerprint(clone) != before


def test_a_moved_clone_is_set_up_again(tmp_path: Path) -> None:
    assert fingerprint(project(tmp_path / "here")) != fingerprint(project(tmp_path / "there"))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "finding and fetching: 0 packages so far"),
        ("Obtaining file:///x\nCollecting a\nCollecting b\n", "finding and fetching: 2 packages so far"),
        ("x\nCollecting a\nInstalling collected packages: a\n", "writing 1 packages"),
    ],
    ids=["beginning", "fetching", "writing"],
)
def test_pips_progress_is_told_in_a_few_words(output: str, words: str) -> None:
    assert installing(output) == words


def test_an_installed_package_becomes_the_wheel_it_came_from(tmp_path: Path) -> None:
    wheel = pack(metadata.distribution("six"), tmp_path)
    offline = ["--no-index", "--no-deps", "--target", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *offline, str(wheel)], check=True)

    copied = subprocess.run(
        [sys.executable, "-Sc", "import six; print(six.__file__)"],
        check=False,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )

    assert copied.stdout.startswith(str(tmp_path))


def test_make_help_lists_every_target() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]

    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert {line.split()[1] for line in told.stdout.splitlines() if line.startswith("  make ")} == {*phony} - {"lint"}
