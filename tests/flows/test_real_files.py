"""A folder of real files, through the sandbox, read back with OMERO's own command line."""

import csv
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.sandbox.home import Running
from tests.contract.test_formats import ROWS, images_of
from tests.support.bioformats import needs_bioformats
from tests.support.command_line import run_omero
from tests.support.courier import Courier
from tests.support.real_files import FOLDER, needs_real_files, unpack

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.thorough,
    pytest.mark.timeout(600),
    needs_bioformats,
    needs_real_files,
]
BROKEN, ZARR = "broken", "ome-zarr"
"""Folders: what is broken on purpose, and what Bio-Formats has no reader for."""
TAGGED = "l.child.textValue = '%s'"
Command = Callable[..., str]


@pytest.fixture
def omero(sandbox: Running, tmp_path: Path) -> Iterator[Command]:
    """The command `omero`, logged in as alice."""

    def run(*words: str) -> str:
        done = run_omero(tmp_path, [words], OMERO_PASSWORD=sandbox.logins["alice"])
        output, _, status = done.stdout.rpartition("exit ")
        assert status.strip() == "0", done.stdout + done.stderr
        return output

    run("login", "-s", sandbox.omero_host, "-p", str(sandbox.omero_ssl_port), "-u", "alice")
    yield run
    run("logout")


@pytest.fixture
def real_files(alice: Courier) -> Path:
    """A copy in alice's share; what lies there packed is unpacked."""
    copy = alice.folder() / "real"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("*.tsv", "*.md"))
    for packed in copy.rglob("*.gz"):
        unpack(packed, packed.parent)
        packed.unlink()
    return copy


def test_a_folder_of_real_files_is_in_omero_as_its_command_shows(
    alice: Courier, real_files: Path, omero: Command, tmp_path: Path
) -> None:
    tag = real_files.parent.name

    ended = alice.outcome(alice.asks(real_files, tags=[tag]))

    by_path = {path: each for each in ended["filesets"] for path in each["files"]}
    images = {row.entry: len(by_path[str(real_files / row.entry)]["images"]) for row in ROWS}
    study_images = images["dicom/dicomdir/DICOMDIR"]
    assert images == {row.entry: study_images if "dicomdir/" in row.entry else images_of(row) for row in ROWS}
    assert study_images == 6
    refused = {each["files"][0]: each for each in ended["filesets"] if each["stage"] == "failed"}
    assert {Path(path).relative_to(real_files).parts[0] for path in refused} == {BROKEN}
    assert {each["error"]["code"].partition("-")[0] for each in refused.values()} == {"source"}
    zarrs = [each["images"] for path, each in by_path.items() if Path(path).parent.parent == real_files / ZARR]
    assert list(map(len, zarrs)) == [1] * len(zarrs)

    done = {each["fileset_id"]: each for each in ended["filesets"] if each["stage"] == "done"}
    shown = table(omero, f"select i.fileset.id, i.name from ImageAnnotationLink l join l.parent i where {TAGGED % tag}")
    assert Counter(int(number) for number, _ in shown) == {number: len(each["images"]) for number, each in done.items()}
    entries = table(omero, "select e.fileset.id, e.clientPath, f.hash from FilesetEntry e join e.originalFile f")
    held = {f"/{path}": sha1 for number, path, sha1 in entries if int(number) in done}
    assert held == {path: hashlib.sha1(Path(path).read_bytes()).hexdigest() for path in held}
    assert held.keys() >= {path for each in done.values() for path in each["files"]}

    study = by_path[str(real_files / "dicom" / "dicomdir" / "DICOMDIR")]
    omero("download", f"Fileset:{study['fileset_id']}", str(tmp_path / "back"))
    assert contents(tmp_path / "back" / "dicomdir") == contents(real_files / "dicom" / "dicomdir")


def table(omero: Command, query: str) -> list[list[str]]:
    """What OMERO answers, without the numbers of the rows."""
    written = omero("hql", "-q", "--style", "csv", "--limit", "10000", query)
    return [row[1:] for row in list(csv.reader(io.StringIO(written)))[1:]]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
