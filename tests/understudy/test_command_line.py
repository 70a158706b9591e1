"""The `omero` command, unmodified, with a home of its own."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.understudy import Understudy

RUN_ALL = """
import json, sys, omero.cli
for arguments in json.loads(sys.argv[1]):
    code = omero.cli.argv(["omero", *arguments])
    print("exit", code, flush=True)
"""
"""What the script `omero` does, for several commands in one process; but the script refuses to run as root."""

Omero = Callable[..., str]


@pytest.fixture
def omero_command(tmp_path: Path) -> Omero:
    """Runs commands one after the other; what they printed."""
    environment = {**os.environ, "OMERO_USERDIR": str(tmp_path / "home"), "PYTHONWARNINGS": "ignore"}

    def run(*commands: str) -> str:
        arguments = json.dumps([shlex.split(command) for command in commands])
        command = [sys.executable, "-c", RUN_ALL, arguments]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False
        )
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
