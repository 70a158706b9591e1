"""Finds Python 3.11, and says which Debian packages are missing before anything long begins."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deployments.setup.live import SetupError, quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEADERS = {"openssl/ssl.h": "libssl-dev", "bzlib.h": "libbz2-dev"}
"""What IcePy includes, and the Debian package that holds it."""


def find_python(environment: Mapping[str, str]) -> str:
    """Return the Python 3.11 to use: what PYTHON names, else `python3.11`, else `python3`.

    Raises:
        SetupError: none of them is 3.11.
    """
    named = environment.get("PYTHON")
    found = {each: version_of(each) for each in ([named] if named else ["python3.11", "python3"])}
    for command, version in found.items():
        if version is not None and version.startswith("3.11."):
            return command
    raise SetupError(no_python(found))


def version_of(command: str) -> str | None:
    """Return the version of a Python, for example `3.11.7`; None if it does not run."""
    asked = quiet([command, "-c", "import platform; print(platform.python_version())"])
    return asked.stdout.strip() if asked.returncode == 0 else None


def no_python(found: Mapping[str, str | None]) -> str:
    """Say in one line that Python 3.11 is missing."""
    seen = ", ".join(f"{command} is {version or 'not there'}" for command, version in found.items())
    return (
        f"Python 3.11 is needed, and no other ({seen}). "
        "Install it, for example with `apt-get install python3.11 python3.11-venv python3.11-dev`, "
        "or name it: `make setup PYTHON=/path/to/python3.11`."
    )


def require_venv(python: str) -> None:
    """Check that `python` can make virtual environments, which Debian packs separately.

    Raises:
        SetupError: it cannot.
    """
    if quiet([python, "-c", "import ensurepip, venv"]).returncode:
        raise SetupError(install_line("Python cannot make virtual environments", ["python3.11-venv"]))


def require_compiler(python: str) -> None:
    """Check that IcePy can be compiled.

    Raises:
        SetupError: packages are missing; it names them all.
    """
    if missing := missing_packages(python):
        raise SetupError(install_line("IcePy must be compiled once, and that needs more of the system", missing))


def missing_packages(python: str) -> list[str]:
    """Return the Debian packages without which IcePy does not compile."""
    include = quiet([python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"]).stdout.strip()
    if shutil.which("g++") is None:
        return ["build-essential", *HEADERS.values()]
    packages = [package for header, package in HEADERS.items() if not _compiles(header)]
    return packages if _compiles("Python.h", f"-I{include}") else [*packages, "python3.11-dev"]


def _compiles(header: str, *options: str) -> bool:
    command = ["g++", "-fsyntax-only", "-x", "c++", *options, "-include", header, "/dev/null"]
    return quiet(command).returncode == 0


def install_line(why: str, packages: Iterable[str]) -> str:
    """Say what to install, and the command that does it."""
    names = " ".join(packages)
    return f"{why}: {names}. Install with\n\n    sudo apt-get update && sudo apt-get install -y {names}\n"
