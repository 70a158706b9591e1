"""A folder of real files, through the sandbox, read back with OMERO's own command line."""

import csv
import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.sandbox.home import Running
from tests.core.verify.test_real_files import FOLDER
from tests.support.bioformats import needs_bioformats
from tests.support.courier import Courier

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.thorough,
    pytest.mark.timeout(600),
    needs_bioformats,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there; REALDATA_TEST_DIR names it"),
]
Command = Callable[..., str]


@pytest.fixture
def omero(sandbox: Running, tmp_path: Path) -> Iterator[Command]:
    """The command `omero`, logged in as alice."""
    program = str(Path(sys.executable).with_name("omero"))
    environment = {**os.environ, "HOME": str(tmp_path), "OMERO_USERDIR": str(tmp_path), "OMERO_PASSWORD": ""}
    environment["OMERO_PASSWORD"] = sandbox.logins["alice"]

    def run(*words: str) -> str:
        done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("login", "-s", sandbox.omero_host, "-p", str(sandbox.omero_ssl_port), "-u", "alice")
    yield run
    run("logout")


def test_a_folder_of_real_files_of_all_formats_is_in_omero_as_the_command_shows(
    alice: Courier, omero: Command
) -> None:
    folder = alice.folder()
    shutil.copytree(FOLDER, folder / "real", ignore=shutil.ignore_patterns("*.tsv", "*.md", "*.gz"))

    ended = alice.outcome(alice.asks(folder / "real", tags=[folder.name], key_values={"From": "the field"}))

    print(Counter(each["state"] for each in ended["filesets"]))
    for each in ended["filesets"]:
        print(each["name"], each["state"], each.get("failure"), len(each["images"]), len(each["plates"]))
    first = ended["filesets"][0]["images"][0]["id"]
    print(omero("obj", "get", f"Image:{first}", "name"))
    print(omero("hql", "--style", "csv", "--limit", "100", "select i.id, i.name from Image i order by i.id"))
    print(list(csv.reader(io.StringIO(""))))
    print(omero("fs", "sets", "--style", "csv"))
    print(omero("fs", "images", "--style", "csv"))
    raise AssertionError
