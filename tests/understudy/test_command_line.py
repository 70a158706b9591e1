"""The `omero` command, unmodified, with a home of its own."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import run_omero
from tests.support.understudy import Understudy

Omero = Callable[..., str]


@pytest.fixture
def omero_command(tmp_path: Path) -> Omero:
    """Runs commands one after the other; what they printed."""

    def run(*commands: str) -> str:
        done = run_omero(tmp_path / "home", [shlex.split(command) for command in commands])
        return done.stdout + done.stderr

    return run


@pytest.fixture
def login(understudy: Understudy) -> str:
    return f"login -s {understudy.host} -p {understudy.ssl_port}"


def test_a_user_logs_in_makes_finds_and_deletes(omero_command: Omero, login: str, unique: str) -> None:
    made = omero_command(f"{login} -u alice -w alice", "sessions list", f"obj new Dataset name={unique}")
    (dataset,) = re.findall(r"Dataset:\d+", made)
    found = omero_command(
        f"obj get {dataset} name",
        f"hql --style plain -q \"select d.id from Dataset d where d.name = '{unique}'\"",
        f"delete --report {dataset}",
        "logout",
    )

    assert re.search(r"alice +\| lab .*Logged in", made)
    assert unique in found
    assert f"0,{dataset.removeprefix('Dataset:')}" in found
    assert f"Deleted objects\n  {dataset}" in found
    assert (made + found).count("exit 0") == 7


def test_a_service_account_logs_in_as_somebody(omero_command: Omero, login: str, unique: str) -> None:
    sudo = f"{login} --sudo courier-service -u bob -w courier-service"
    output = omero_command(sudo, "sessions list", f"obj new Project name={unique}", "logout")

    assert "Created session for bob@" in output
    assert re.search(r"Project:\d+", output)
    assert output.count("exit 0") == 4


def test_a_user_may_not_log_in_as_somebody(omero_command: Omero, login: str) -> None:
    assert "SecurityViolation: Group sudo" in omero_command(f"{login} --sudo alice -u bob -w alice")
