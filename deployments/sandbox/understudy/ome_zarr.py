"""What an OME-Zarr, version 0.4 or 0.5, says of its images: one, several as bioformats2raw writes them, or a plate.

Source: OME's ZarrReader 0.6, with whose services for 0.4 it would read 0.5 likewise. As there, an image is named after
its array, and channels, physical sizes and the like are taken from `OME/METADATA.ome.xml` alone. That reader fails at
a plate without the `field_count` that the specification does not ask for; here it is read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import ome_types

from deployments.sandbox.understudy.ome_images import from_ome_image
from deployments.sandbox.understudy.seen import PIXEL_TYPES, ChannelSeen, ImageSeen, ManyFiles, PlateSeen, wells_of
from deployments.sandbox.understudy.zarr_array import ZarrArray

GROUPS = (".zattrs", "zarr.json")
_AXES = "tczyx"


@dataclass(frozen=True)
class ZarrPlanes:
    """The planes of an array; chunks that are missing stand for empty pixels."""

    folder: Path
    axes: tuple[str, ...]

    def plane(self, z: int, c: int, t: int) -> Any:
        """Read it from its chunks."""
        at = {"z": z, "c": c, "t": t}
        return ZarrArray.at(self.folder).plane(tuple(at[axis] for axis in self.axes[:-2]))

    def missing(self) -> str:
        """Nothing has to be there."""
        return ""


def zarr_of(file: Path) -> ManyFiles | None:
    """Return the images that the metadata of a Zarr's uppermost group tells of; None where the file is none.

    Raises:
        OSError, ValueError, LookupError: they cannot be read.
    """
    return _read(file.parent, file.stat().st_mtime_ns) if file.name in GROUPS else None


@cache
def _read(root: Path, _written: int) -> ManyFiles:
    told = _attributes(root)
    plate: PlateSeen | None = None
    if "plate" in told:
        homes, places = _fields(root, told["plate"])
        rows, columns = len(told["plate"]["rows"]), len(told["plate"]["columns"])
        plate = PlateSeen(told["plate"].get("name") or root.stem, rows, columns, wells_of(places))
    elif "multiscales" in told:
        homes = [root]
    elif "bioformats2raw.layout" in told:
        homes = [root / name for name in _series(root)]
    else:
        raise ValueError(f"{root.name} is a Zarr that says nothing of images")
    images = [_image(home, pyramid, root) for home in homes for pyramid in _attributes(home)["multiscales"]]
    if not images or (plate and len(images) != len(homes)):
        raise ValueError(f"{root.name} has {len(images)} images in {len(homes)} places")
    pairs = zip(images, _said(root, len(images)), strict=True)
    return ManyFiles(tuple((_with(seen, more), planes) for (seen, planes), more in pairs), plate)


def _fields(root: Path, plate: Any) -> tuple[list[Path], list[tuple[int, int]]]:
    homes, places = [], []
    for well in plate["wells"]:
        for image in _attributes(root / well["path"])["well"]["images"]:
            homes.append(root / well["path"] / image["path"])
            places.append((well["rowIndex"], well["columnIndex"]))
    return homes, places


def _series(root: Path) -> list[str]:
    """Return where the images of bioformats2raw are: as listed, or else numbered."""
    with_list = any((root / "OME" / each).is_file() for each in GROUPS)
    listed = _attributes(root / "OME").get("series") if with_list else None
    return listed or sorted((each.name for each in root.iterdir() if each.name.isdigit()), key=int)


def _image(home: Path, pyramid: Any, root: Path) -> tuple[ImageSeen, ZarrPlanes]:
    """Return an image in its full size."""
    folder = home / pyramid["datasets"][0]["path"]
    array = ZarrArray.at(folder)
    named = pyramid.get("axes") or _AXES[-len(array.shape) :]
    axes = tuple(axis["name"] if isinstance(axis, dict) else axis for axis in named)
    if axes[-2:] != ("y", "x") or not set(axes) <= set(_AXES):
        raise ValueError(f"{folder}: its axes are {', '.join(axes)}")
    sizes = dict.fromkeys(_AXES, 1) | dict(zip(axes, array.shape, strict=True))
    # Dimensions of one are outermost, in the order in which ZarrReader puts them there.
    outside = [axis for axis in "ztc" if axis not in axes]
    seen = ImageSeen(
        size_x=sizes["x"],
        size_y=sizes["y"],
        size_z=sizes["z"],
        size_c=sizes["c"],
        size_t=sizes["t"],
        pixel_type=PIXEL_TYPES[array.dtype.name],
        dimension_order="".join(reversed((*outside, *axes))).upper(),
        reader="Zarr",
        channels=(ChannelSeen(),) * sizes["c"],
        name=folder.relative_to(root).as_posix(),
    )
    return seen, ZarrPlanes(folder, axes)


def _said(root: Path, count: int) -> Iterator[ImageSeen | None]:
    """Yield what OME-XML says of each image, where it speaks of so many."""
    file = root / "OME" / "METADATA.ome.xml"
    images = ome_types.from_xml(file.read_text(encoding="utf-8")).images if file.is_file() else []
    yield from map(from_ome_image, images) if len(images) == count else [None] * count


def _with(seen: ImageSeen, said: ImageSeen | None) -> ImageSeen:
    if said is None:
        return seen
    return replace(
        seen,
        channels=(*said.channels, *seen.channels)[: seen.size_c],
        physical_sizes=said.physical_sizes,
        description=said.description,
        acquired=said.acquired,
    )


def _attributes(group: Path) -> Any:
    """Return what a group says of itself as OME-Zarr."""
    if (third := group / "zarr.json").is_file():
        return json.loads(third.read_text(encoding="utf-8"))["attributes"]["ome"]
    return json.loads((group / ".zattrs").read_text(encoding="utf-8"))
