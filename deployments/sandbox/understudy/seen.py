"""What is seen of a file, or of a folder of files: images, and a plate of them; types only."""

from dataclasses import dataclass
from typing import Any, Protocol

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


class Planes(Protocol):
    """Where the pixels of an image are."""

    def plane(self, z: int, c: int, t: int) -> Any:
        """Read a plane, as an array of numpy's.

        Raises:
            LookupError: there is none.
            OSError, ValueError: it cannot be read.
        """

    def missing(self) -> str:
        """Say which file is not there; nothing where all are, or need not be."""


@dataclass(frozen=True)
class ManyFiles:
    """Images whose pixels are in many files, opened by one of them."""

    images: tuple[tuple[ImageSeen, Planes], ...]
    plate: PlateSeen | None = None


def wells_of(places: list[tuple[int, int]]) -> tuple[WellSeen, ...]:
    """Return the wells of images of which each is in a row and a column, both from 0."""
    fields: dict[tuple[int, int], list[int]] = {}
    for index, place in enumerate(places):
        fields.setdefault(place, []).append(index)
    return tuple(WellSeen(row, column, tuple(images)) for (row, column), images in fields.items())
