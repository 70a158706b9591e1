"""Where an import's files go: OMERO's template directories, and the parts of clients' paths that are kept.

Source: omero-blitz ManagedRepositoryI, FilePathRestrictionInstance (the shipped rules for file names).
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from pathlib import Path

from flows.core.bioformats import BioFormats
from flows.core.errors import SourceError

TEMPLATE = "%user%_%userId%//%year%-%month%/%day%/%time%"
"""omero.fs.repo.path as shipped; the part before // belongs to root."""
PARENTS_KEPT = 3
"""When no reader says how many directories above a file it needs."""

_READERS = "loci.formats.in."
ALONE = frozenset({"ICSReader", "FV1000Reader", "CellSensReader", "MicromanagerReader", "TiffDelegateReader"})
"""Of these it is known that they need none."""

_RULES = str.maketrans(
    {'"': "'", "*": "x", ":": ";", "<": "[", ">": "]", "?": "%", "\\": "!", "|": "!"}
    | {chr(code): "_" for code in (*range(32), *range(127, 160))}
)


def components(path: str) -> list[str]:
    """The parts of a client's path, made safe; `.` and `..` mean nothing to OMERO."""
    return [part.translate(_RULES) for part in path.split("/") if part not in ("", ".")]


def make_directory(repository: Path, user: str, user_id: int) -> str:
    """A fresh directory from the template, made on disk; relative to the repository, without a slash at the end.

    Raises:
        OSError: it cannot be made.
    """
    now = dt.datetime.now().astimezone()
    parent = f"{user.translate(_RULES)}_{user_id}/{now:%Y-%m}/{now:%d}"
    (repository / parent).mkdir(parents=True, exist_ok=True)
    for millisecond in range(now.microsecond // 1000, 100_000):
        relative = f"{parent}/{now:%H-%M-%S}.{millisecond:03}"
        try:
            (repository / relative).mkdir()
        except FileExistsError:
            continue
        return relative
    raise FileExistsError(parent)


def kept_paths(
    client_paths: Sequence[str], reader: str | None = None, bioformats: BioFormats | None = None
) -> tuple[str, list[str]]:
    """What is kept of clients' paths below the template directory: the common folder, and each file below it.

    A reader that is known says how many parents of the common folder it needs, the folder itself included.
    """
    paths = [components(path) for path in client_paths]
    common = _common_start([path[:-1] for path in paths])
    if reader is not None and reader.startswith(_READERS):
        trim = max(0, len(common) - _needed(reader, paths, bioformats))
    else:
        trim = max(0, min(len(path) for path in paths) - PARENTS_KEPT - 1)
    return "/".join(common[min(trim, len(common)) :]), ["/".join(path[len(common) :]) for path in paths]


def _needed(reader: str, paths: Sequence[list[str]], bioformats: BioFormats | None) -> int:
    """Source: Bio-Formats, getRequiredDirectories of each reader, and FormatTools; of others it is asked, if it can."""
    name = reader.removeprefix(_READERS)
    if name == "OMETiffReader":
        common = _common_start(paths)
        return max(0, max(len(path) - 1 for path in paths) - len(common))
    if name == "DicomReader":
        return int(any(path[-1] == "DICOMDIR" for path in paths))
    if name in {"OperettaReader", "ZarrReader"}:
        return 1
    if bioformats is None or name in ALONE:
        return 0
    try:
        return bioformats.parents(reader, ["/" + "/".join(path) for path in paths])
    except SourceError:
        return 0


def _common_start(paths: Sequence[list[str]]) -> list[str]:
    columns = zip(*paths, strict=False)
    return [names[0] for names in itertools.takewhile(lambda names: len(set(names)) == 1, columns)]
