"""How tests write down what was found."""

import os
from pathlib import Path

from flows.core.verify import Expansion


def make(folder: Path, *names: str, content: bytes = b"x") -> None:
    """Make files of no content to speak of."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def sets(found: Expansion, home: Path) -> list[list[str]]:
    """Each fileset's files relative to `home`, what OMERO opens first."""
    return [[os.path.relpath(file.client_path, home) for file in each.files] for each in found.filesets]


def refusals(found: Expansion, home: Path) -> list[tuple[str, str]]:
    """Code and file of each refusal."""
    return [(each.code, os.path.relpath(each.which, home)) for each in found.refused]
