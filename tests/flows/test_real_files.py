"""A folder of real files, through the sandbox, read back with OMERO's own command line."""

import csv
import gzip
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
COMMAND = "import sys, omero.cli; sys.exit(omero.cli.argv(['omero', *sys.argv[1:]]))"
"""What the program `omero` does, without its refusal to work for root."""


@pytest.fixture
def omero(sandbox: Running, tmp_path: Path) -> Iterator[Command]:
    """The command `omero`, logged in as alice."""
    environment = {**os.environ, "OMERO_USERDIR": str(tmp_path), "OMERO_PASSWORD": sandbox.logins["alice"]}

    def run(*words: str) -> str:
        done = subprocess.run([sys.executable, "-c", COMMAND, *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("login", "-s", sandbox.omero_host, "-p", str(sandbox.omero_ssl_port), "-u", "alice")
    yield run
    run("logout")


@pytest.fixture
def real_files(alice: Courier) -> Path:
    """A copy in alice's share; what lies there packed is unpacked."""
    copy = alice.folder() / "real"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("*.tsv", "*.md"))
    for packed in copy.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return copy


def test_a_folder_of_real_files_is_in_omero_as_its_command_shows(
    alice: Courier, real_files: Path, omero: Command, tmp_path: Path
) -> None:
    ended = alice.outcome(alice.asks(real_files, tags=[real_files.parent.name], key_values={"From": "the field"}))

    import json
    out = {"ended": ended}
    first = ended["filesets"][0]["images"][0]["id"]
    fs = ended["filesets"][0]["fileset_id"]
    def say(*words):
        try:
            out[" ".join(words)] = omero(*words)
        except AssertionError as e:
            out[" ".join(words)] = "FAILED " + str(e)[:1500]
    say("obj", "get", f"Image:{first}", "name")
    say("hql", "-q", "--style", "csv", "--limit", "3", "select i.id, i.name, i.fileset.id from Image i order by i.id")
    say("hql", "-q", "--style", "csv", "--limit", "5", f"select a.id, a.ns, a.textValue from ImageAnnotationLink l join l.child a where l.parent.id = {first}")
    say("hql", "-q", "--style", "csv", "--limit", "5", f"select f.id, f.name, f.hash from FilesetEntry e join e.originalFile f where e.fileset.id = {fs}")
    say("hql", "-q", "--style", "plain", "--limit", "500", f"select e.fileset.id, e.clientPath, f.hash from FilesetEntry e join e.originalFile f order by e.id")
    say("download", f"Fileset:{fs}", str(tmp_path / "back"))
    out["back"] = [str(each) for each in (tmp_path / "back").rglob("*")]
    Path("/tmp/s/real.json").write_text(json.dumps(out, indent=1))
    raise AssertionError
