"""A Java importer for tests: a folder of jars, and a `java` that is the double of java_double.py."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any, Self

import pytest

from deployments.sandbox.home import Running
from flows.core.omero_client.java_importer.installation import START_CLASS
from flows.core.settings import Java

DOUBLE = Path(__file__).with_name("java_double.py")
SCRIPT = """#!/bin/sh
[ "$1" = -version ] && exec echo 'openjdk version "17.0.15"'
exec "{python}" "{double}" "{folder}" "$@"
"""


class JavaDouble:
    """The importer's double: where it is, how it is to behave, how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jars, self.program = folder / "libs", folder / "java"

    @classmethod
    def of(cls, sandbox: Running) -> Self:
        """The one that the settings of the sandbox for all tests name."""
        return cls(sandbox.data.with_name("java"))

    def make(self) -> Self:
        folder = self.folder
        self.jars.mkdir(parents=True)
        with zipfile.ZipFile(self.jars / "omero-blitz.jar", "w") as jar:
            jar.writestr(START_CLASS, b"")
        self.program.write_text(SCRIPT.format(python=sys.executable, double=DOUBLE, folder=folder))
        self.program.chmod(0o755)
        return self

    @property
    def wishes(self) -> list[str]:
        """How a sandbox is told to use it."""
        settings = {"JARS": self.jars, "EXECUTABLE": self.program, "DIRECTORY": self.folder}
        return [word for name, value in settings.items() for word in ("--set", f"JAVA__{name}={value}")]

    def settings(self, **more: Any) -> Java:
        return Java(jars=self.jars, executable=str(self.program), directory=self.folder, **more)

    def behave(self, **told: Any) -> None:
        """Say what it does wrong from now on, and in how many of its lives: `at="sent", status=2, times=1`."""
        (self.folder / "reached").unlink(missing_ok=True)
        (self.folder / "behaviour.json").write_text(json.dumps(told))

    @property
    def reached(self) -> bool:
        """Whether it has come to the place at which it misbehaves."""
        return (self.folder / "reached").exists()

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How it was called, once for each call."""
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def leftovers(self) -> list[Path]:
        """The working folders of calls."""
        return list(self.folder.glob("omero-courier-java-*"))


@pytest.fixture
def java(tmp_path: Path) -> JavaDouble:
    return JavaDouble(tmp_path / "java").make()
