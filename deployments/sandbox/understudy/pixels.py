"""What a TIFF or OME-TIFF, of one file or several, says of its images: dimensions, names, channels, physical sizes.

Other formats are not read: OMERO would ask Bio-Formats.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import tifffile

from deployments.sandbox.understudy.ome_sets import COMPANION, OmeSet, ome_set_of
from deployments.sandbox.understudy.plates import Field, PlateFiles, plate_of

SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", COMPANION)
PIXEL_TYPES = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "float32": "float",
    "float64": "double",
    "bool": "bit",
    "complex64": "complex",
    "complex128": "double-complex",
}
"""numpy's names: OMERO's."""

Sized = tuple[float, str]
"""A number and OMERO's name of its unit, for instance MICROMETER."""


class UnknownFormat(Exception):
    """Bio-Formats would have no reader for it: `loci.formats.UnknownFormatException`."""


class BrokenFile(Exception):
    """There is a reader, but it fails: `loci.formats.FormatException`."""


class OutdatedMetadata(BrokenFile):
    """OMERO would read it, but ome-types needs a package more for that."""


@dataclass(frozen=True)
class ChannelSeen:
    """One channel."""

    name: str | None = None
    colour: tuple[int, int, int, int] | None = None
    """Red, green, blue, alpha: 0 to 255."""
    emission: Sized | None = None
    excitation: Sized | None = None


@dataclass(frozen=True)
class ImageSeen:
    """One image (series) of a file."""

    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_type: str
    dimension_order: str
    reader: str
    channels: tuple[ChannelSeen, ...]
    name: str | None = None
    physical_sizes: tuple[Sized | None, ...] = (None, None, None)
    """x, y, z."""
    description: str | None = None
    acquired: int | None = None
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class WellSeen:
    """One well of a plate, and which images of the file are its fields."""

    row: int
    column: int
    fields: tuple[int, ...]


@dataclass(frozen=True)
class PlateSeen:
    """A plate of a file."""

    name: str
    rows: int
    columns: int
    wells: tuple[WellSeen, ...]


@dataclass(frozen=True)
class FileSeen:
    """A file that could be opened."""

    name: str
    images: tuple[ImageSeen, ...]
    missing_pixels: str = ""
    """Says so when the file ends before its pixels do."""
    plate: PlateSeen | None = None


def read_file(file: Path) -> FileSeen:
    """What a file holds, or the set that it belongs to; pixels are not read, but looked for.

    Raises:
        UnknownFormat: not a TIFF by name or by its first bytes.
        BrokenFile: a TIFF whose directories or OME-XML cannot be read, or that lacks other files of its set.
    """
    try:
        if (plate := plate_of(file)) is not None:
            return _read_plate(file, plate)
        if not file.name.lower().endswith(SUFFIXES):
            raise UnknownFormat(f"Unknown file format: {file}")
        if (found := ome_set_of(file)) is not None:
            return _read_set(file, found)
        with tifffile.TiffFile(file) as tiff:
            images = _from_ome(tiff) if tiff.is_ome else tuple(map(_from_series, tiff.series))
            if not images:
                raise BrokenFile(f"{file.name} holds no image.")
            return FileSeen(file.name, images, _missing_pixels(tiff, file))
    except ImportError as error:
        raise OutdatedMetadata(f"{file.name}: its OME-XML is older than the understudy reads") from error
    except tifffile.TiffFileError as error:
        raise UnknownFormat(f"Unknown file format: {file} ({error})") from error
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise BrokenFile(f"{file.name}: {error}") from error


def _read_plate(file: Path, plate: PlateFiles) -> FileSeen:
    wells: dict[tuple[int, int], list[int]] = {}
    for index, field in enumerate(plate.fields):
        wells.setdefault((field.row, field.column), []).append(index)
    seen = tuple(WellSeen(row, column, tuple(fields)) for (row, column), fields in wells.items())
    images = tuple(_from_field(field, plate.reader) for field in plate.fields)
    missing = next((path for field in plate.fields for path, _ in field.planes.values() if not path.is_file()), None)
    return FileSeen(
        name=file.name,
        images=images,
        missing_pixels=f"{missing.name} is not there" if missing else "",
        plate=PlateSeen(plate.name, plate.rows, plate.columns, seen),
    )


def _from_field(field: Field, reader: str) -> ImageSeen:
    size_x, size_y, size_z, size_c, size_t = field.sizes
    return ImageSeen(
        size_x=size_x,
        size_y=size_y,
        size_z=size_z,
        size_c=size_c,
        size_t=size_t,
        pixel_type=PIXEL_TYPES[np.dtype(field.dtype).name],
        dimension_order="XYCZT",
        reader=reader,
        channels=tuple(ChannelSeen(name) for name in field.channels),
        name=field.name,
    )


def _read_set(file: Path, found: OmeSet) -> FileSeen:
    images = tuple(map(from_ome_image, found.document.images))
    if not images or not found.files:
        raise BrokenFile(f"{file.name} speaks of no image.")
    for each in found.files:
        with tifffile.TiffFile(each) as tiff:
            if missing := _missing_pixels(tiff, each):
                return FileSeen(file.name, images, missing)
    return FileSeen(file.name, images)


def _missing_pixels(tiff: Any, file: Path) -> str:
    size = file.stat().st_size
    for page in tiff.pages:
        pairs = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(offset + count > size for offset, count in pairs):
            return f"{file.name} ends before its pixels do"
    return ""


def _from_series(series: Any) -> ImageSeen:
    sizes = dict(zip(series.axes, series.shape, strict=True))
    others = math.prod(size for axis, size in sizes.items() if axis not in "XYCSTZ")
    channels = sizes.get("C", 1) * sizes.get("S", 1)
    return ImageSeen(
        size_x=sizes["X"],
        size_y=sizes["Y"],
        size_z=sizes.get("Z", 1),
        size_c=channels,
        size_t=sizes.get("T", 1) * others,
        pixel_type=PIXEL_TYPES[np.dtype(series.dtype).name],
        dimension_order="XYCZT",
        reader="TIFF",
        channels=(ChannelSeen(),) * channels,
    )


def _from_ome(tiff: Any) -> tuple[ImageSeen, ...]:
    document = ome_types.from_xml(tiff.ome_metadata)
    return tuple(from_ome_image(image) for image in document.images)


def from_ome_image(image: Any) -> ImageSeen:
    """What OME-XML says of an image."""
    pixels = image.pixels
    channels = [_channel(channel) for channel in pixels.channels for _ in range(channel.samples_per_pixel or 1)]
    missing = pixels.size_c - len(channels)
    return ImageSeen(
        size_x=pixels.size_x,
        size_y=pixels.size_y,
        size_z=pixels.size_z,
        size_c=pixels.size_c,
        size_t=pixels.size_t,
        pixel_type=pixels.type.value,
        dimension_order=pixels.dimension_order.value,
        reader="OMETiff",
        channels=(*channels, *(ChannelSeen(),) * missing),
        name=image.name,
        physical_sizes=tuple(_sized(pixels, f"physical_size_{axis}") for axis in "xyz"),
        description=image.description,
        acquired=int(image.acquisition_date.timestamp() * 1000) if image.acquisition_date else None,
    )


def _sized(holder: Any, name: str) -> Sized | None:
    number = getattr(holder, name)
    return None if number is None else (float(number), getattr(holder, f"{name}_unit").name)


def _channel(channel: Any) -> ChannelSeen:
    colour = channel.color.as_rgb_tuple(alpha=True) if channel.color else None
    return ChannelSeen(
        name=channel.name,
        colour=(*colour[:3], round(colour[3] * 255)) if colour else None,
        emission=_sized(channel, "emission_wavelength"),
        excitation=_sized(channel, "excitation_wavelength"),
    )
