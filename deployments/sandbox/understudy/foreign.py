"""What Bio-Formats says of files that the stand-in cannot read itself, where it is installed: as OMERO, which asks it.

Source: omero-blitz OMEROMetadataStoreClient, which opens a file as `flows/core/bioformats/Answers.java` does.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ome_types

from deployments.sandbox.understudy.ome_images import from_ome_image
from deployments.sandbox.understudy.ome_sets import ome_set_of
from deployments.sandbox.understudy.pixels import SUFFIXES, BrokenFile, OutdatedMetadata, UnknownFormat, read_file
from deployments.sandbox.understudy.seen import ChannelSeen, FileSeen, ImageSeen
from flows.core.bioformats import BioFormats, Images
from flows.core.bioformats.answers import Size
from flows.core.errors import SourceError

TYPES = {"float": "float32", "double": "float64", "bit": "uint8"}
"""Bio-Formats' names that are not numpy's; a bit has a byte of its own."""


def see(file: Path, files: int, bioformats: BioFormats | None) -> FileSeen:
    """What a file, the first of `files` that were imported together, holds.

    Raises:
        UnknownFormat: nobody knows it.
        BrokenFile: it cannot be read.
    """
    if bioformats is None or not is_foreign(file, files):
        try:
            return read_file(file)
        except OutdatedMetadata:
            if bioformats is None:
                raise
        except (UnknownFormat, BrokenFile):
            if bioformats is None or file.name.lower().endswith(SUFFIXES):
                raise
    try:
        found = bioformats.images(str(file))
        if found is None:
            raise UnknownFormat(f"Unknown file format: {file}")
        return FileSeen(file.name, _images(found), _missing_pixels(file, bioformats))
    except SourceError as error:
        raise BrokenFile(f"{file.name}: {error.what}") from error


def is_foreign(file: Path, files: int) -> bool:
    """Whether a TIFF, the first of `files`, is more than the understudy can tell from it."""
    if not file.name.lower().endswith(SUFFIXES):
        return False
    try:
        return ome_set_of(file) is None and files > 1
    except ImportError:
        # ome-types needs a package more for metadata this old.
        return True
    except (OSError, ValueError):
        return False


def read_plane(file: Path, at: tuple[int, int, int, int], bioformats: BioFormats) -> Any:
    """One plane: series, z, c, t.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        plane = bioformats.plane(str(file), *at)
    except SourceError as error:
        raise ValueError(error.what) from error
    kind = np.dtype(TYPES.get(plane.pixel_type, plane.pixel_type)).newbyteorder(plane.byte_order)
    return np.frombuffer(plane.pixels, kind).reshape(plane.height, plane.width)


def _missing_pixels(file: Path, bioformats: BioFormats) -> str:
    try:
        bioformats.read_through(str(file))
    except SourceError as error:
        return f"{file.name}: {error.what}"
    return ""


def _images(found: Images) -> tuple[ImageSeen, ...]:
    reader = found.reader.rpartition(".")[2].removesuffix("Reader")
    document = ome_types.from_xml(found.xml)
    return tuple(_image(image, size, reader) for image, size in zip(document.images, found.sizes, strict=True))


def _image(image: Any, size: Size, reader: str) -> ImageSeen:
    """What the metadata says, with the sizes that were found."""
    said = from_ome_image(image)
    channels = (*said.channels, *(ChannelSeen(),) * size.c)[: size.c]
    return replace(
        said,
        size_x=size.x,
        size_y=size.y,
        size_z=size.z,
        size_c=size.c,
        size_t=size.t,
        pixel_type=size.pixel_type,
        dimension_order=size.order,
        reader=reader,
        channels=channels,
    )
