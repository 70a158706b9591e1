"""What Bio-Formats says of a file: types only."""

from typing import Literal, NamedTuple


class Grouped(NamedTuple):
    """Files that OMERO has to be given together."""

    reader: str
    """Bio-Formats' class, for example `loci.formats.in.MetaxpressTiffReader`."""
    format: str
    """For people."""
    files: tuple[str, ...]
    """As it was asked for them; the first is the one that OMERO opens."""
    opens: tuple[str, ...]
    """Those of them that open the whole, by what Bio-Formats says; mostly one, sometimes none."""
    images: int
    """As OMERO counts them: a pyramid is one."""
    resolutions: int
    """As `showinf` counts series: each size of a pyramid is one."""
    plate: bool


class Size(NamedTuple):
    """One image of a file."""

    x: int
    y: int
    z: int
    c: int
    t: int
    pixel_type: str
    order: str
    """Of the dimensions, for example XYCZT."""


class Images(NamedTuple):
    """What is in a file, or in the set that it opens."""

    reader: str
    format: str
    sizes: tuple[Size, ...]
    xml: str
    """Everything else, as OME-XML with an `Image` for each."""


class Plane(NamedTuple):
    """The pixels of one plane, row by row."""

    pixel_type: str
    byte_order: Literal["<", ">"]
    width: int
    height: int
    pixels: bytes
