"""Sees that the Java importer is there: its jars brought by the installation, and a Java that is new enough.

Nothing is ever fetched: omero-py's `omero import` downloads the latest OMERO.java by itself when it finds no jars, but
never when it is told in which folder they are (omero-py: plugins/import.py, `--clientdir`; exit status 103 then).
"""

import re
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from flows.core.errors import ImporterMissing
from flows.core.settings import Java

START_CLASS = "ome/formats/importer/cli/CommandLineImporter.class"
"""What a folder of jars must hold to be of any use."""
OLDEST = 11
"""Java versions before 9 take no arguments from a file, which keeps the session's key out of sight."""
PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for by what is started: nothing of our own environment is handed on."""
PATIENCE = 60
"""Seconds that a Java may take to say its version."""


def check_wanted(java: Java) -> None:
    """See that the settings name the jars at all: what can be seen without the worker's disk.

    Raises:
        ImporterMissing: they do not.
    """
    if java.jars is None:
        raise ImporterMissing("The Java importer is not installed here: the settings name no jars for it.")


def find_java(java: Java) -> str:
    """Return the program to run, once it is sure that the importer can be started on this machine.

    Raises:
        ImporterMissing: jars, or a Java that is new enough, are not there.
    """
    check_wanted(java)
    assert java.jars is not None, "checked"
    _check_jars(java.jars)
    return _java(java.executable)


@cache
def _check_jars(folder: Path) -> None:
    if ":" in str(folder) or not folder.is_absolute():
        raise ImporterMissing(f"{folder}: the folder of the jars is an absolute path without a colon.")
    jars = sorted(folder.glob("*.jar")) if folder.is_dir() else []
    if not jars:
        raise ImporterMissing(f"There are no jars in {folder}.")
    if not any(_holds_the_importer(each) for each in jars):
        raise ImporterMissing(f"None of the jars in {folder} holds OMERO's importer.")


def _holds_the_importer(jar: Path) -> bool:
    try:
        with zipfile.ZipFile(jar) as archive:
            return START_CLASS in archive.namelist()
    except (OSError, zipfile.BadZipFile) as unreadable:
        raise ImporterMissing(f"{jar} cannot be read: {unreadable}.") from unreadable


@cache
def _java(executable: str) -> str:
    if (found := shutil.which(executable, path=PATH)) is None:
        raise ImporterMissing(f"There is no Java: {executable} is no program on this machine.")
    try:
        said = subprocess.run(
            [found, "-version"], env={"PATH": PATH}, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError) as failed:
        raise ImporterMissing(f"{found} does not say which Java it is: {failed}.") from failed
    version = version_in(said.stderr + said.stdout)
    if version < OLDEST:
        raise ImporterMissing(f"{found} is Java {version}; {OLDEST} or newer is needed.")
    return found


def version_in(text: str) -> int:
    """Read off what `java -version` says: 8 from `1.8.0_292`, 17 from `17.0.15`, 0 from anything else."""
    if not (found := re.search(r'version "(?:1\.)?(\d+)', text)):
        return 0
    return int(found[1])
