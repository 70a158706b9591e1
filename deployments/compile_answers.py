"""Compiles what asks Bio-Formats within Java, for developers: `python -m deployments.compile_answers`.

Users have a Java to run it, not one to compile it, so the compiled classes are kept beside their source, with a list of
what they were made from. A test compares all three, and compiles again where it can.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from flows.core.bioformats import installed_jar
from flows.core.bioformats.java import CLASSES

SOURCE = CLASSES / "Answers.java"
RECORD = CLASSES / "Answers.sha256"
RELEASE = "11"
"""The oldest Java that runs it."""


def compiler() -> str | None:
    """Return the version of the compiler of this machine, for example `17`; None where there is none."""
    if (javac := shutil.which("javac")) is None:
        return None
    told = subprocess.run([javac, "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    return found.group(1) if found else None


def compile_into(folder: Path, jar: Path) -> None:
    """Write the class files there."""
    options = ["--release", RELEASE, "-proc:none", "-g:none", "-Xlint:-options", "-cp", str(jar), "-d", str(folder)]
    subprocess.run([shutil.which("javac") or "javac", *options, str(SOURCE)], check=True)


def record(folder: Path) -> str:
    """Return the list: by which compiler, and checksums of the source and of the classes in that folder."""
    files = [SOURCE, *sorted(folder.glob("Answers*.class"))]
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}" for each in files]
    return "\n".join([*sums, ""])


def main() -> int:
    """Compile into the source tree."""
    jar = installed_jar()
    if jar is None or compiler() is None:
        sys.stderr.write("Bio-Formats and a JDK are needed: make setup, apt-get install default-jdk-headless\n")
        return 1
    compile_into(CLASSES, jar)
    RECORD.write_text(record(CLASSES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
