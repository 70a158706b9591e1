"""Questions to Bio-Formats, live. Files that end in `.fake` are made up by Bio-Formats from their names."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.core.bioformats import bioformats_of, installed_jar
from flows.core.bioformats.ask import _refusal
from flows.core.control import Uncontrolled
from flows.core.errors import BioFormatsAway, ImportCancelled, SourceBroken, SourceIncomplete
from flows.core.settings import BioFormats as Settings


def fake(folder: Path, **what: object) -> str:
    """Write a file of which Bio-Formats says this."""
    name = "".join(f"&{key}={value}" for key, value in what.items())
    path = folder / f"made{name}.fake"
    path.touch()
    return str(path)


def until_gone(pid: int) -> None:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    pytest.fail(f"{pid} is still there")


def test_a_file_by_itself(bioformats, tmp_path) -> None:
    path = fake(tmp_path, sizeZ=3, series=2)

    found = bioformats.group(path)

    assert (found.reader, found.files, found.images) == ("loci.formats.in.FakeReader", (path,), 2)


def test_a_file_that_it_does_not_know(bioformats, tmp_path) -> None:
    path = tmp_path / "made.up"
    path.write_bytes(b"\x07nothing at all")

    assert bioformats.group(str(path)) is None
    assert bioformats.images(str(path)) is None


def test_names_in_any_script(bioformats, tmp_path) -> None:
    path = fake(tmp_path, name="日本 µm 🔬")

    assert bioformats.group(path).files == (path,)


def test_what_is_in_a_file(bioformats, tmp_path) -> None:
    found = bioformats.images(fake(tmp_path, sizeX=30, sizeY=20, sizeC=2, sizeT=4, pixelType="uint16"))

    assert found.sizes == ((30, 20, 1, 2, 4, "uint16", "XYZCT"),)
    assert "<Channel" in found.xml


def test_pixels(bioformats, tmp_path) -> None:
    path = fake(tmp_path, sizeX=30, sizeY=20, sizeZ=2)

    plane = bioformats.plane(path, 0, 1, 0, 0)

    assert (plane.width, plane.height, len(plane.pixels)) == (30, 20, 600)
    assert bioformats.read_through(path) == 2


def test_many_questions_cost_one_start_of_java_which_leaves_nothing_behind(own, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COURIER_SEAL_KEYS", "secret")
    asked = own()

    asked.group(fake(tmp_path, series=1))
    process = psutil.Process(asked.pid)
    asked.group(fake(tmp_path, series=2))

    assert asked.pid == process.pid == os.getpgid(process.pid)
    assert set(process.environ()) <= {"PATH", "LC_ALL", "HOME"}
    folder = Path(process.cwd())
    asked.close()
    assert not folder.exists()
    assert not process.is_running()


def test_the_settings_of_a_process_have_one_java() -> None:
    assert bioformats_of(Settings()) is bioformats_of(Settings())
    assert bioformats_of(Settings(enabled=False)) is None


def test_a_file_that_is_too_much_for_java_spoils_no_other(own, tmp_path) -> None:
    asked = own(heap=64)

    with pytest.raises(SourceBroken, match="more memory for it than 64 MB"):
        asked.group(fake(tmp_path, series=5_000_000))

    assert asked.group(fake(tmp_path, series=2)).images == 2


def test_a_file_that_takes_too_long_spoils_no_other(own, tmp_path) -> None:
    asked = own(timeout=1)
    asked.group(fake(tmp_path, series=1))
    first = asked.pid

    with pytest.raises(SourceBroken, match="within 1 seconds"):
        asked.group(fake(tmp_path, sleepInitFile=60_000))

    until_gone(first)
    assert asked.group(fake(tmp_path, series=2)).images == 2


def test_java_that_is_killed_is_started_again(own, tmp_path) -> None:
    asked = own()
    asked.group(fake(tmp_path, series=1))
    first = asked.pid
    os.kill(first, signal.SIGKILL)
    until_gone(first)

    assert asked.group(fake(tmp_path, series=2)).images == 2


def test_java_that_nobody_asks_ends_and_is_started_again(own, tmp_path) -> None:
    asked = own(idle=1)
    asked.group(fake(tmp_path, series=1))
    until_gone(asked.pid)

    assert asked.group(fake(tmp_path, series=2)).images == 2


def test_a_cancelled_import_does_not_wait_for_it(own, tmp_path) -> None:
    class Cancelled(Uncontrolled):
        def check(self) -> None:
            raise ImportCancelled

    asked = own()
    asked.group(fake(tmp_path, series=1))
    first = asked.pid

    with pytest.raises(ImportCancelled):
        asked.group(fake(tmp_path, sleepInitFile=60_000), Cancelled())

    until_gone(first)


SCRIPT = """
import sys
from flows.core.bioformats import bioformats_of
from flows.core.settings import BioFormats
asked = bioformats_of(BioFormats())
asked.group(sys.argv[1])
print(asked.pid, flush=True)
asked.group(sys.argv[2])
"""


def test_java_ends_with_whoever_started_it_even_when_that_is_killed(bioformats, tmp_path) -> None:
    quick, slow = fake(tmp_path, series=1), fake(tmp_path, sleepInitFile=60_000)
    with subprocess.Popen([sys.executable, "-c", SCRIPT, quick, slow], stdout=subprocess.PIPE, text=True) as child:
        pid = int(child.stdout.readline())
        child.kill()

    until_gone(pid)


def test_a_java_that_is_not_there_is_said(tmp_path) -> None:
    asked = bioformats_of(Settings(java="/nowhere/java", jar=tmp_path / "no.jar"))

    with pytest.raises(BioFormatsAway, match="Java does not start"):
        asked.group(fake(tmp_path))


def test_a_jar_that_is_not_there_is_said(own, tmp_path) -> None:
    asked = bioformats_of(Settings(jar=tmp_path / "no.jar"))

    with pytest.raises(BioFormatsAway, match="Java does not start"):
        asked.group(fake(tmp_path))


@pytest.mark.usefixtures("bioformats")
def test_a_folder_of_jars_is_asked_as_the_one_jar_is(tmp_path) -> None:
    """As OMERO's importer has Bio-Formats."""
    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "formats.jar").symlink_to(installed_jar())
    asked = bioformats_of(Settings(jar=libs))
    try:
        assert asked.group(fake(tmp_path, series=2)).images == 2
    finally:
        asked.close()


@pytest.mark.parametrize("failed", ["missing", "io"])
def test_of_files_elsewhere_it_is_not_said_whether_they_exist(failed) -> None:
    """Metadata may name any file of this machine."""
    answer = {"failed": failed, "message": "/home/bob/secret.tif (No such file or directory)", "error": "x"}

    told = _refusal("/home/alice/a.ome", answer)

    assert isinstance(told, SourceIncomplete)
    assert "/home/bob" not in str(told)
    assert str(told) == str(_refusal("/home/alice/a.ome", {**answer, "message": "Bad TIFF: /home/bob/secret.tif"}))
