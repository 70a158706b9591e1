"""What is said of Java is true of the Java that is installed, where there is one."""

import shutil
import subprocess
import zipfile

import pytest

from flows.core.control import Uncontrolled
from flows.core.errors import ImporterFailed, ImporterMissing
from flows.core.omero_client.java_importer.front import quoted
from flows.core.omero_client.java_importer.installation import START_CLASS, find_java, version_in
from flows.core.omero_client.java_importer.progress import Progress
from flows.core.requests import Fileset, SourceFile, StagedFile, StagedFileset
from flows.core.settings import Java
from tests.support.java_arguments import arguments_in

ODD = [
    "plain",
    "two words",
    'a "quoted" word',
    "back\\slash \\n",
    "two\nlines\tand a tab",
    "#no comment",
    "@no file",
    "ü",
    "",
]


def test_a_file_of_arguments_says_what_was_meant():
    assert arguments_in("".join(map(quoted, ODD))) == ODD


@pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 11 or newer")
def test_java_reads_it_and_shows_nothing_of_it_on_its_command_line(tmp_path):
    file = tmp_path / "arguments"
    properties = {f"odd.{number}": value for number, value in enumerate(ODD) if "\n" not in value and value}
    options = [f"-D{name}={value}" for name, value in properties.items()]
    file.write_text("".join(map(quoted, [*options, "-XshowSettings:properties", "-version"])), encoding="utf-8")

    said = subprocess.run(
        ["java", f"@{file}"],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    for name, value in properties.items():
        assert f"{name} = {value}" in said


@pytest.mark.parametrize(
    ("text", "version"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_292"', 8), ("no Java", 0)],
)
def test_a_java_says_its_version(text, version):
    assert version_in(text) == version


def test_an_importer_that_is_not_named_in_the_settings_is_missing():
    with pytest.raises(ImporterMissing, match="name no jars"):
        find_java(Java())


def test_a_folder_without_jars_or_with_others_is_no_installation(tmp_path):
    with pytest.raises(ImporterMissing, match="no jars"):
        find_java(Java(jars=tmp_path))
    with zipfile.ZipFile(tmp_path / "other.jar", "w") as jar:
        jar.writestr("some/Other.class", b"")

    with pytest.raises(ImporterMissing, match="None of the jars"):
        find_java(Java(jars=tmp_path))


def test_a_java_that_is_too_old_or_none_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "omero-blitz.jar", "w") as jar:
        jar.writestr(START_CLASS, b"")
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'java version \"1.8.0_292\"'\n")
    old.chmod(0o755)

    with pytest.raises(ImporterMissing, match="is Java 8; 11 or newer is needed"):
        find_java(Java(jars=tmp_path, executable=str(old)))
    with pytest.raises(ImporterMissing, match="There is no Java"):
        find_java(Java(jars=tmp_path, executable=str(tmp_path / "nothing")))


def test_one_that_takes_longer_than_it_may_is_given_up():
    source = SourceFile(path="/a", client_path="/a", size=10, mtime_ns=1)
    copy = StagedFile(path="/a", client_path="/a", size=10)
    staged = StagedFileset(fileset=Fileset(files=(source,)), files=(copy,), staged=False)
    java = Java(start_seconds=1e-9, file_seconds=0)
    progress = Progress(staged, Uncontrolled(), java=java, import_seconds=1, begun=lambda: None)

    with pytest.raises(ImporterFailed, match="took longer than"):
        progress.look(None)
