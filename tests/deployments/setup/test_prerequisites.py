from pathlib import Path

import pytest

from deployments.setup.live import SetupError
from deployments.setup.prerequisites import find_python, install_line, missing_packages, version_of


def python_that_says(version: str, path: Path) -> str:
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_python_is_taken_when_it_is_3_11(tmp_path: Path) -> None:
    named = python_that_says("3.11.9", tmp_path / "mine")

    assert find_python({"PYTHON": named}) == named


@pytest.mark.parametrize("version", ["3.10.14", "3.12.1", "3.1.1", "2.7.18"])
def test_another_python_is_refused_in_one_line(tmp_path: Path, version: str) -> None:
    named = python_that_says(version, tmp_path / "other")

    with pytest.raises(SetupError) as refused:
        find_python({"PYTHON": named})

    assert version in str(refused.value)
    assert "apt-get install python3.11" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_python_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert version_of(str(tmp_path / "nothing")) is None


def test_without_a_compiler_everything_it_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert missing_packages("python3.11") == ["build-essential", "libssl-dev", "libbz2-dev"]


def test_each_missing_header_is_named_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "g++"
    compiler.write_text('#!/bin/sh\ncase "$*" in *openssl*) exit 1;; *Python.h*) exit 1;; esac\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert missing_packages("python3.11") == ["libssl-dev", "python3.11-dev"]


def test_the_command_that_installs_is_spelled_out() -> None:
    assert "sudo apt-get install -y libssl-dev libbz2-dev" in install_line("Why", ["libssl-dev", "libbz2-dev"])
