"""What a TIFF or OME-TIFF says of its images: dimensions, names, channels, physical sizes.

Other formats are not read: OMERO would ask Bio-Formats.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import tifffile

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
PIXEL_TYPES = {
    "int8": "int8", "int16": "int16", "int32": "int32", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32",
    "float32": "float", "float64": "double", "bool": "bit", "complex64": "complex", "complex128": "double-complex",
}  # fmt: skip


class UnknownFormat(Exception):
    """Bio-Formats has no reader for it: `loci.formats.UnknownFormatException`."""


class BrokenFile(Exception):
    """There is a reader, but it fails: `loci.formats.FormatException` or an IOException."""


@dataclass(frozen=True)
class ChannelSeen:
    """One channel."""

    name: str | None = None
    color: tuple[int, int, int, int] | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None


@dataclass(frozen=True)
class ImageSeen:
    """One image (series) of a file."""

    name: str | None
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_type: str
    dimension_order: str
    reader: str
    channels: tuple[ChannelSeen, ...]
    physical_sizes: tuple[tuple[float, str] | None, ...] = (None, None, None)
    """x, y, z: number and OMERO's name of the unit."""
    description: str | None = None
    acquired: float | None = None
    """Milliseconds since 1970."""


def read_images(file: Path) -> list[ImageSeen]:
    """The images of a file, its pixels checked to be there.

    Raises:
        UnknownFormat: not a TIFF by name or by its first bytes.
        BrokenFile: a TIFF that cannot be read.
    """
    if not file.name.lower().endswith(SUFFIXES):
        raise UnknownFormat(f"Unknown file format: {file.name}")
    try:
        return _read(file)
    except tifffile.TiffFileError as error:
        raise UnknownFormat(f"Unknown file format: {file.name} ({error})") from error
    except (ValueError, KeyError, IndexError, TypeError, OSError, AttributeError) as error:
        raise BrokenFile(f"{file.name}: {error}") from error


def _read(file: Path) -> list[ImageSeen]:
    with tifffile.TiffFile(file) as tiff:
        if not tiff.series:
            raise BrokenFile(f"{file.name} holds no image.")
        size = file.stat().st_size
        for page in (page for series in tiff.series for page in series.pages):
            _check_page(page, size, file.name)
        if tiff.is_ome and tiff.ome_metadata:
            return _from_ome(tiff)
        return [_from_series(series) for series in tiff.series]


def _check_page(page: Any, file_size: int, name: str) -> None:
    """Bio-Formats would fail on reading planes whose bytes are missing."""
    if page is None:
        raise BrokenFile(f"{name}: a plane is missing.")
    pairs = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(offset + count > file_size for offset, count in pairs):
        raise BrokenFile(f"{name}: the file ends before its pixels do.")


def _pixel_type(dtype: Any) -> str:
    return PIXEL_TYPES.get(np.dtype(dtype).name, "uint8")


def _from_series(series: Any) -> ImageSeen:
    sizes = dict(zip(series.axes, series.shape, strict=True))
    channels = sizes.get("C", 1) * sizes.get("S", 1)
    planes = int(np.prod([size for axis, size in sizes.items() if axis not in "XYCSTZ"], initial=1))
    return ImageSeen(
        name=None,
        size_x=sizes["X"],
        size_y=sizes["Y"],
        size_z=sizes.get("Z", 1),
        size_c=channels,
        size_t=sizes.get("T", 1) * planes,
        pixel_type=_pixel_type(series.dtype),
        dimension_order="XYCZT",
        reader="TIFF",
        channels=(ChannelSeen(),) * channels,
    )


def _from_ome(tiff: Any) -> list[ImageSeen]:
    document = ome_types.from_xml(tiff.ome_metadata)
    return [_from_ome_image(image) for image in document.images]


def _from_ome_image(image: Any) -> ImageSeen:
    pixels = image.pixels
    return ImageSeen(
        name=image.name,
        size_x=pixels.size_x,
        size_y=pixels.size_y,
        size_z=pixels.size_z,
        size_c=pixels.size_c,
        size_t=pixels.size_t,
        pixel_type=pixels.type.value,
        dimension_order=pixels.dimension_order.value,
        reader="OMETiff",
        channels=tuple(_channel(channel) for channel in pixels.channels for _ in range(channel.samples_per_pixel or 1))
        or (ChannelSeen(),) * pixels.size_c,
        physical_sizes=tuple(_quantity(pixels, f"physical_size_{axis}") for axis in "xyz"),
        description=image.description,
        acquired=image.acquisition_date.timestamp() * 1000 if image.acquisition_date else None,
    )


def _quantity(holder: Any, name: str) -> tuple[float, str] | None:
    number = getattr(holder, name)
    return None if number is None else (float(number), getattr(holder, f"{name}_unit").name)


def _channel(channel: Any) -> ChannelSeen:
    color = channel.color.as_rgb_tuple(alpha=True) if channel.color else None
    return ChannelSeen(
        name=channel.name,
        color=(*color[:3], round(color[3] * 255)) if color else None,
        emission_nm=channel.emission_wavelength,
        excitation_nm=channel.excitation_wavelength,
    )
