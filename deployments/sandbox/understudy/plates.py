"""What a plate of files says of its wells and fields: the Operetta's index, and OME-Zarr 0.4 with plain chunks.

Source: Bio-Formats' OperettaReader and ZarrReader, as far as the courier's tests need them.
"""

import json
import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import tifffile

INDICES = ("index.idx.xml", "index.ref.xml", "index.xml")
_GROUP = ".zattrs"


@dataclass(frozen=True)
class Field:
    """One image of a well."""

    row: int
    column: int
    """Both from 0."""
    number: int
    """Within its well, from 0."""
    sizes: tuple[int, int, int, int, int]
    """x, y, z, c, t."""
    dtype: str
    channels: tuple[str | None, ...]
    planes: dict[tuple[int, int, int], tuple[Path, int]]
    """File, and bytes to pass over in it or number of its page, by z, c and t."""
    codec: str
    """How a plane lies in its file: `tiff`, `raw`, `zlib`, or `unknown`."""

    @property
    def name(self) -> str:
        """As Bio-Formats calls it."""
        return f"Well {chr(ord('A') + self.row)}{self.column + 1}, Field {self.number + 1}"

    def plane(self, z: int, c: int, t: int) -> Any:
        """Read a plane.

        Raises:
            LookupError: there is none.
            OSError, ValueError: it cannot be read.
        """
        path, _ = self.planes[z, c, t]
        x, y, *_ = self.sizes
        if self.codec == "tiff":
            return tifffile.imread(path)
        if self.codec == "unknown":
            raise ValueError(f"{path.name}: this compression is not modelled by the understudy")
        content = path.read_bytes()
        if self.codec == "zlib":
            content = zlib.decompress(content, wbits=47)
        return np.frombuffer(content, self.dtype).reshape(y, x)


@dataclass(frozen=True)
class PlateFiles:
    """A plate: its fields, well by well."""

    name: str
    rows: int
    columns: int
    fields: tuple[Field, ...]
    reader: str


def plate_of(file: Path) -> PlateFiles | None:
    """Return the plate that a file opens; None where it opens none.

    Raises:
        OSError, ValueError, LookupError: it is one that cannot be read.
    """
    if file.name.lower() in INDICES:
        return _operetta(file, file.stat().st_mtime_ns)
    if file.name == _GROUP and "plate" in (told := _attributes(file.parent)):
        return _zarr(file.parent, told["plate"])
    return None


@cache
def _operetta(index: Path, _written: int) -> PlateFiles:
    root = ET.fromstring(index.read_text(encoding="utf-8"))  # noqa: S314  what a test has made
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    found: defaultdict[tuple[int, int, int], list[Any]] = defaultdict(list)
    for image in root.iterfind("./Images/Image"):
        found[_number(image, "Row"), _number(image, "Col"), _number(image, "FieldID")].append(image)
    if not found:
        raise ValueError(f"{index.name} names no image of a well")
    plate = root.find("./Plates/Plate")
    fields = [_operetta_field(index.parent, place, images) for place, images in sorted(found.items())]
    return PlateFiles(
        name=(plate.findtext("Name") or "") if plate is not None else "",
        rows=_number(plate, "PlateRows"),
        columns=_number(plate, "PlateColumns"),
        fields=tuple(_numbered(fields)),
        reader="Operetta",
    )


def _operetta_field(home: Path, place: tuple[int, int, int], images: list[Any]) -> Field:
    axes = [sorted({_number(image, name) for image in images}) for name in ("PlaneID", "ChannelID", "TimepointID")]
    planes = {}
    names: dict[int, str | None] = {}
    for image in images:
        z, c, t = (
            axis.index(_number(image, name))
            for axis, name in zip(axes, ("PlaneID", "ChannelID", "TimepointID"), strict=True)
        )
        planes[z, c, t] = (home / str(image.findtext("URL")), 0)
        names[c] = image.findtext("ChannelName")
    first = tifffile.imread(planes[0, 0, 0][0])
    z, c, t = map(len, axes)
    sizes = (first.shape[1], first.shape[0], z, c, t)
    channels = tuple(names[number] for number in range(c))
    return Field(place[0] - 1, place[1] - 1, place[2], sizes, first.dtype.name, channels, planes, "tiff")


def _number(element: Any, name: str) -> int:
    return int(element.findtext(name) or 0) if element is not None else 0


def _numbered(fields: list[Field]) -> list[Field]:
    """Number the fields of each well from 0, in their order."""
    seen: defaultdict[tuple[int, int], int] = defaultdict(int)
    numbered = []
    for field in fields:
        place = field.row, field.column
        numbered.append(Field(**{**vars(field), "number": seen[place]}))
        seen[place] += 1
    return numbered


def _zarr(root: Path, plate: Any) -> PlateFiles:
    fields = []
    for well in plate["wells"]:
        home = root / well["path"]
        row, column = well["path"].split("/")
        for number, image in enumerate(_attributes(home)["well"]["images"]):
            fields.append(_zarr_field(home / image["path"], _row(row), int(column) - 1, number))
    name = plate.get("name") or root.stem
    return PlateFiles(name, len(plate["rows"]), len(plate["columns"]), tuple(fields), "Zarr")


def _row(name: str) -> int:
    return ord(name) - ord("A") if name.isalpha() else int(name) - 1


def _zarr_field(home: Path, row: int, column: int, number: int) -> Field:
    pyramid = _attributes(home)["multiscales"][0]
    array = home / pyramid["datasets"][0]["path"]
    told = json.loads((array / ".zarray").read_text(encoding="utf-8"))
    names = [axis["name"] if isinstance(axis, dict) else axis for axis in pyramid["axes"]]
    shape = dict(zip(names, told["shape"], strict=True))
    sizes = (shape["x"], shape["y"], shape.get("z", 1), shape.get("c", 1), shape.get("t", 1))
    whole = dict(zip(names, told["chunks"], strict=True))
    is_plain = whole["x"] == shape["x"] and whole["y"] == shape["y"] and {whole[a] for a in names if a in "zct"} <= {1}
    compressor = (told["compressor"] or {"id": "raw"})["id"]
    codec = {"raw": "raw", "zlib": "zlib", "gzip": "zlib"}.get(compressor, "unknown") if is_plain else "unknown"
    mark = told.get("dimension_separator", ".")
    planes = {}
    for z in range(sizes[2]):
        for c in range(sizes[3]):
            for t in range(sizes[4]):
                at = {"z": z, "c": c, "t": t}
                planes[z, c, t] = (array / mark.join(str(at.get(axis, 0)) for axis in names), 0)
    return Field(row, column, number, sizes, np.dtype(told["dtype"]).str, (None,) * sizes[3], planes, codec)


def _attributes(group: Path) -> Any:
    return json.loads((group / _GROUP).read_text(encoding="utf-8"))
