"""Brings IcePy 3.6.5 into the virtual environment: found, cached, or compiled with the headers in `icepy/`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from deployments.setup.live import SetupError, quiet, run, say
from deployments.setup.prerequisites import require_compiler

VERSION = "3.6.5"
REQUIREMENT = f"zeroc-ice=={VERSION}"
SOURCES = 224
"""Source files that setup.py of zeroc-ice 3.6.5 compiles, for the progress line."""
HEADERS = Path(__file__).parent / "icepy"
_COMPILED = re.compile(r" -c (\S+\.c(?:pp)?) -o ")
_PACK_INSTALLED = Path(__file__).parent / "pack_installed.py"


def cache_directory(environment: dict[str, str]) -> Path:
    """Return where compiled wheels are kept, for all clones of this user."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "/root")) / ".cache")
    return Path(base) / "omero-courier" / "wheels"


def ensure(venv_python: str, base_python: str, logs: Path) -> None:
    """Make `import Ice` work in the virtual environment, in the cheapest way there is.

    Raises:
        SetupError: it has to be compiled, and packages are missing or the compiler failed.
    """
    cache = cache_directory(dict(os.environ))
    if imports(venv_python):
        return
    if _install(venv_python, cache):
        say(f"IcePy {VERSION}: taken from {cache}")
    elif imports(base_python) and _pack(base_python, cache) and _install(venv_python, cache):
        say(f"IcePy {VERSION}: taken from the one installed for {base_python}")
    else:
        _obtain(venv_python, cache, logs)


def imports(python: str) -> bool:
    """Whether this Python has the right IcePy."""
    asked = quiet([python, "-W", "ignore", "-c", "import Ice; print(Ice.stringVersion())"])
    return asked.returncode == 0 and asked.stdout.strip() == VERSION


def _install(venv_python: str, wheels: Path) -> bool:
    offline = ["--no-index", "--no-deps", "--force-reinstall", "--find-links", str(wheels)]
    return quiet([venv_python, "-m", "pip", "install", *offline, REQUIREMENT]).returncode == 0 and imports(venv_python)


def _pack(base_python: str, cache: Path) -> bool:
    cache.mkdir(parents=True, exist_ok=True)
    return quiet([base_python, "-W", "ignore", str(_PACK_INSTALLED), str(cache)]).returncode == 0


def _obtain(venv_python: str, cache: Path, logs: Path) -> None:
    if not _pip_has_wheel(venv_python):
        require_compiler(venv_python)
        say(f"IcePy {VERSION} has no wheel for Python 3.11: compiling it once, 3 to 6 minutes. It is kept in {cache}.")
    with tempfile.TemporaryDirectory(prefix="icepy-") as scratch:
        # CPPFLAGS is split at spaces, and the path of the clone may hold some.
        for header in HEADERS.glob("*.h"):
            shutil.copy(header, scratch)
        wheels = Path(scratch) / "wheels"
        pip = [venv_python, "-m", "pip", "wheel", "--verbose", "--no-deps", "--wheel-dir", str(wheels), REQUIREMENT]
        environment = {"CPPFLAGS": cppflags(scratch, os.environ.get("CPPFLAGS", ""))}
        run("Building IcePy", pip, logs / "icepy.log", environment=environment, detail=compiling)
        cache.mkdir(parents=True, exist_ok=True)
        for wheel in wheels.glob("*.whl"):
            shutil.move(str(wheel), cache / wheel.name)
    if not _install(venv_python, cache):
        raise SetupError(f"The IcePy just built does not work. Remove {cache} and run `make setup` again.")


def _pip_has_wheel(venv_python: str) -> bool:
    """Whether pip gets a wheel without a compiler: from its own cache, or from an index that has one."""
    if "cp311" in quiet([venv_python, "-m", "pip", "cache", "list", "zeroc_ice"]).stdout:
        return True
    with tempfile.TemporaryDirectory(prefix="icepy-") as scratch:
        pip = [venv_python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "-d", scratch, REQUIREMENT]
        return quiet(pip).returncode == 0


def cppflags(directory: str, given: str) -> str:
    """Return the preprocessor flags that let IcePy compile on 3.11, after those that the user gave."""
    return f"{given} -I{directory} -include {directory}/ice_python_compat.h -g0 -O1".strip()


def compiling(output: str) -> str:
    """Say from pip's output how far the compiler is."""
    files = _COMPILED.findall(output)
    if not files:
        return "fetching and unpacking the sources"
    return f"compiling {len(files)} of about {SOURCES} files  {files[-1].rsplit('/', 1)[-1]}"
