"""What a file says of its images: a TIFF or OME-TIFF, of one file or several, an Operetta's index, an OME-Zarr.

Other formats are not read: OMERO would ask Bio-Formats.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import tifffile

from deployments.sandbox.understudy.ome_images import from_ome_image
from deployments.sandbox.understudy.ome_sets import COMPANION, OmeSet, ome_set_of
from deployments.sandbox.understudy.ome_zarr import zarr_of
from deployments.sandbox.understudy.operetta import operetta_of
from deployments.sandbox.understudy.seen import PIXEL_TYPES, ChannelSeen, FileSeen, ImageSeen, ManyFiles

SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", COMPANION)


class UnknownFormat(Exception):
    """Bio-Formats would have no reader for it: `loci.formats.UnknownFormatException`."""


class BrokenFile(Exception):
    """There is a reader, but it fails: `loci.formats.FormatException`."""


class OutdatedMetadata(BrokenFile):
    """OMERO would read it, but ome-types needs a package more for that."""


def read_file(file: Path) -> FileSeen:
    """What a file holds, or the set that it belongs to; pixels are not read, but looked for.

    Raises:
        UnknownFormat: not a TIFF by name or by its first bytes.
        BrokenFile: a TIFF whose directories or OME-XML cannot be read, or that lacks other files of its set.
    """
    try:
        if (many := many_files_of(file)) is not None:
            images = tuple(image for image, _ in many.images)
            missing = next((lost for _, planes in many.images if (lost := planes.missing())), "")
            return FileSeen(file.name, images, missing, many.plate)
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


def many_files_of(file: Path) -> ManyFiles | None:
    """Return the images that a file opens whose pixels are in many others; None where it is no such file.

    Raises:
        OSError, ValueError, LookupError: it is one that cannot be read.
    """
    return operetta_of(file) or zarr_of(file)


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
