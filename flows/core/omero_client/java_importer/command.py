"""Writes down how `omero import` is called: arguments, environment, log; and keeps a folder for each call."""

import fcntl
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.core.errors import ImporterFailed
from flows.core.omero_client.annotations import ImportDetails
from flows.core.omero_client.java_importer.installation import PATH
from flows.core.omero_client.session import OmeroSession
from flows.core.omero_client.targets import ResolvedTarget
from flows.core.settings import Java

PREFIX = "omero-courier-java-"
ARGUMENTS = "arguments"
"""The file in the folder of a call that holds Java's command line, the session's key in it."""
LOCK = "lock"
"""The file in the folder of a call that is locked while the call lasts: without that lock it is a leftover."""
OMERO_FOLDER = "omero"
"""The folder in the folder of a call in which omero-py keeps what it wants to remember."""
LOG = "logback.xml"
LOGBACK = """<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <appender name="stderr" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%-5level %logger{0} - %msg%n</pattern></encoder>
  </appender>
  <logger name="ome.formats" level="INFO"/>
  <logger name="ome.formats.importer.cli.LoggingImportMonitor" level="DEBUG"/>
  <root level="WARN"><appender-ref ref="stderr"/></root>
</configuration>
"""
"""Everything to the standard error, so that the standard output holds the result alone; the bytes too."""


def import_arguments(
    own: OmeroSession,
    path: str,
    *,
    java: Java,
    folder: Path,
    target: ResolvedTarget | None,
    details: ImportDetails,
) -> list[str]:
    """Return what follows `omero` on its command line; only ever handed over by pipe, since the key is in it.

    Args:
        own: the session that the import is done in.
        path: the file that Bio-Formats opens.
        java: the settings of the importer.
        folder: of this call.
        target: the dataset or screen, or None for images without one.
        details: of which it takes name and description; all else is linked afterwards.
    """
    arguments = ["import", "-s", own.server.host, "-p", str(own.server.port), "-k", own.key.get_secret_value()]
    # Without `--clientdir` it would download jars. The upgrade check would call home.
    arguments += ["--clientdir", str(java.jars), "--logback", str(folder / LOG), "--skip", "upgrade"]
    arguments += ["--output", "yaml", "--encrypted", "true"]
    if target is not None:
        arguments += [{"Dataset": "-d", "Screen": "-r"}[target.kind], str(target.id)]
    if details.name:
        arguments.append(f"--name={details.name}")
    if details.description:
        arguments.append(f"--description={details.description}")
    return [*arguments, path]


def environment(java: Java, folder: Path) -> dict[str, str]:
    """Return all that the call sees of an environment: nothing of ours, which holds passwords."""
    options = [
        f"-Xmx{java.heap}",
        "-XX:+ExitOnOutOfMemoryError",
        f"-Duser.home={folder}",
        f"-Djava.util.prefs.userRoot={folder}",
    ]
    return {
        "PATH": PATH,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "OMERO_USERDIR": str(folder / OMERO_FOLDER),
        "OMERO_TMPDIR": str(folder / "tmp"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONWARNINGS": "ignore",
        # omero-py appends these to its own, and Java heeds the last of two.
        "JAVA_OPTS": shlex.join(options),
    }


@contextmanager
def working_folder(java: Java) -> Iterator[Path]:
    """Make the folder of a call, which only this account can enter, and remove it afterwards.

    What calls of a process left that was killed is removed first.

    Raises:
        ImporterFailed: it cannot be made.
    """
    above = java.directory or Path(tempfile.gettempdir())
    try:
        _clear_leftovers(above)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
        (folder / "tmp").mkdir()
        (folder / LOG).write_text(LOGBACK, encoding="utf-8")
        lock = _locked(folder / LOCK)
    except OSError as failed:
        raise ImporterFailed(f"No working folder for the Java importer could be made below {above}: {failed}") from None
    try:
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _locked(file: Path) -> int:
    """Make the file, locked from the moment on at which it has its name."""
    opened = os.open(new := file.with_suffix(".new"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(opened, fcntl.LOCK_EX)
    new.rename(file)
    return opened


def _clear_leftovers(above: Path) -> None:
    for folder in above.glob(f"{PREFIX}*"):
        if folder.stat(follow_symlinks=False).st_uid == os.getuid() and _is_left_over(folder / LOCK):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(lock: Path) -> bool:
    try:
        opened = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Just being made, or just being removed.
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(opened)
    return True
