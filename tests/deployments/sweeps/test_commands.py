"""What the commands print, and the exit status that scripts go by."""

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployments.sweeps.__main__ import main

SOUND = 'root: /data/{name}\nassign: {{path: "{{user}}"}}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the definitions, as the settings name it."""
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "courier.env").write_text(
        "COURIER_SERVERS__MAIN__HOST=omero\n"
        "COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__USER=courier\nCOURIER_SERVERS__MAIN__SERVICE_ACCOUNT__PASSWORD=x\n"
        "COURIER_ROOTS__ALL__PATH=/data\nCOURIER_ROOTS__ALL__EVERYONE=true\n"
        f"COURIER_SWEEPS__FOLDER={tmp_path}/sweeps\n"
        f"""COURIER_SEAL_KEYS='["{Fernet.generate_key().decode()}"]'\n"""
    )
    monkeypatch.setenv("COURIER_ENV_FILE", str(tmp_path / "courier.env"))
    return tmp_path / "sweeps"


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.yaml").write_text(SOUND.format(name=name))


def test_check_says_which_definitions_are_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "first", "second")

    assert main(["check"]) == 0
    assert capsys.readouterr().out == "first: ok\nsecond: ok\n"


def test_check_tells_each_problem_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "first")
    (folder / "second.yaml").write_text("root: data\n")

    assert main(["check"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[:2] == [
        "second.yaml:1: assign: is missing",
        "second.yaml:1: root: data is not absolute",
    ]


def test_check_looks_at_single_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "first")
    put(tmp_path, "new")

    assert main(["check", f"{tmp_path}/new.yaml"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/new.yaml: ok\n"


@pytest.mark.parametrize("command", ["check", "list"])
def test_a_file_that_is_not_there_is_told(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    folder.rmdir()

    assert main([command]) == 2
    assert f"{folder}: There is no such file." in capsys.readouterr().err


def test_check_says_that_there_is_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == f"{folder} holds no sweep definition\n"


def test_a_folder_that_is_not_set_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = folder.parent / "courier.env"
    env.write_text("\n".join(line for line in env.read_text().splitlines() if "SWEEPS" not in line))

    assert main(["list"]) == 2
    assert "COURIER_SWEEPS__FOLDER is not set" in capsys.readouterr().err


def test_wrong_settings_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURIER_HTTP__PORT", "high")

    assert main(["check"]) == 2
    assert "http.port" in capsys.readouterr().err


def test_list_is_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "a")
    (folder / "nightly.yaml").write_text(
        SOUND.format(name="x") + "active: no\nschedule: {cron: 30 1 * * *, timezone: Europe/London}\n"
    )

    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME     ROOT     SERVER  SCHEDULE                    ACTIVE",
        "a        /data/a  main    every 5 min                 yes",
        "nightly  /data/x  main    30 1 * * * (Europe/London)  no",
    ]


def test_schema_needs_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Sweep definition of omero-courier"
