"""What the index of an Operetta says of a plate's wells and fields.

Source: Bio-Formats' OperettaReader, as far as the courier's tests need it.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import tifffile

from deployments.sandbox.understudy.seen import PIXEL_TYPES, ChannelSeen, ImageSeen, ManyFiles, PlateSeen, wells_of

INDICES = ("index.idx.xml", "index.ref.xml", "index.xml")
_AXES = ("PlaneID", "ChannelID", "TimepointID")
"""z, c, t."""


@dataclass(frozen=True)
class Tiffs:
    """A TIFF for each plane, by z, c and t."""

    files: dict[tuple[int, int, int], Path]

    def plane(self, z: int, c: int, t: int) -> Any:
        """Read it."""
        return tifffile.imread(self.files[z, c, t])

    def missing(self) -> str:
        """All have to be there."""
        lost = next((path for path in self.files.values() if not path.is_file()), None)
        return f"{lost.name} is not there" if lost else ""


def operetta_of(file: Path) -> ManyFiles | None:
    """Return the plate that an index tells of; None where the file is none.

    Raises:
        OSError, ValueError, LookupError: it is one that cannot be read.
    """
    return _read(file, file.stat().st_mtime_ns) if file.name.lower() in INDICES else None


@cache
def _read(index: Path, _written: int) -> ManyFiles:
    root = ET.fromstring(index.read_text(encoding="utf-8"))  # noqa: S314  what a test has made
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    found: defaultdict[tuple[int, int], defaultdict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for image in root.iterfind("./Images/Image"):
        found[_number(image, "Row"), _number(image, "Col")][_number(image, "FieldID")].append(image)
    if not found:
        raise ValueError(f"{index.name} names no image of a well")
    images, places = [], []
    for (row, column), fields in sorted(found.items()):
        for number, (_, planes) in enumerate(sorted(fields.items()), 1):
            images.append(_field(index.parent, f"Well {chr(ord('A') + row - 1)}{column}, Field {number}", planes))
            places.append((row - 1, column - 1))
    plate = root.find("./Plates/Plate")
    name = (plate.findtext("Name") or "") if plate is not None else ""
    rows, columns = _number(plate, "PlateRows"), _number(plate, "PlateColumns")
    return ManyFiles(tuple(images), PlateSeen(name, rows, columns, wells_of(places)))


def _field(home: Path, name: str, images: list[Any]) -> tuple[ImageSeen, Tiffs]:
    axes = [sorted({_number(image, axis) for image in images}) for axis in _AXES]
    files, channels = {}, {}
    for image in images:
        z, c, t = (numbers.index(_number(image, axis)) for axis, numbers in zip(_AXES, axes, strict=True))
        files[z, c, t] = home / str(image.findtext("URL"))
        channels[c] = ChannelSeen(image.findtext("ChannelName"))
    first = tifffile.imread(files[0, 0, 0])
    size_z, size_c, size_t = map(len, axes)
    seen = ImageSeen(
        size_x=first.shape[1],
        size_y=first.shape[0],
        size_z=size_z,
        size_c=size_c,
        size_t=size_t,
        pixel_type=PIXEL_TYPES[first.dtype.name],
        dimension_order="XYCZT",
        reader="Operetta",
        channels=tuple(channels[number] for number in range(size_c)),
        name=name,
    )
    return seen, Tiffs(files)


def _number(element: Any, name: str) -> int:
    return int(element.findtext(name) or 0) if element is not None else 0
