"""Makes images that look like microscopy, and broken ones: for the demo, the tests and the benchmark.

The same arguments make the same bytes. Planes are written one by one, so memory does not grow with the file.
`python -m deployments.sandbox.images PATH` writes one OME-TIFF.
"""

import itertools
import math
import os
import sys
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

Plane = NDArray[np.uint16]

WAVELENGTHS_NM = {"DAPI": 461, "GFP": 509, "RFP": 588, "Cy5": 670}
COLOURS = {"DAPI": 0x0000FFFF, "GFP": 0x00FF00FF, "RFP": 0xFF0000FF, "Cy5": 0xFF00FFFF}
_WHITE = 0xFFFFFFFF
_DRIFT = 32
"""Pixels by which cells and noise move between planes."""


def make_ome_tiff(
    path: Path,
    *,
    channels: Sequence[str] = ("DAPI", "GFP"),
    z: int = 5,
    t: int = 3,
    size: tuple[int, int] = (512, 512),
    pixel_size_um: float = 0.1,
    seed: int | None = None,
) -> Path:
    """Write cells in several channels, focal planes and time points as OME-TIFF; `size` is height and width."""
    seed = _seed(path, seed)
    shape = (t, len(channels), z, *size)
    needs_64_bit_offsets = math.prod(shape) * 2 > 2**32 - 2**25
    with tifffile.TiffWriter(path, ome=True, bigtiff=needs_64_bit_offsets) as tiff:
        tiff.write(
            _planes(len(channels), z, t, size, seed),
            shape=shape,
            dtype=np.uint16,
            photometric="minisblack",
            metadata=_metadata(path, channels, pixel_size_um, seed),
        )
    return path


def make_large_ome_tiff(path: Path, *, at_least: int = 200_000_000, seed: int | None = None) -> Path:
    """Write an OME-TIFF of two channels and five focal planes with as many time points as `at_least` bytes need."""
    size, z = (1024, 1024), 5
    bytes_per_time_point = size[0] * size[1] * 2 * 2 * z
    return make_ome_tiff(path, z=z, t=-(-at_least // bytes_per_time_point), size=size, seed=seed)


def make_small_ome_tiff(path: Path, *, channels: Sequence[str] = ("DAPI", "GFP"), seed: int | None = None) -> Path:
    """Write an OME-TIFF of about 100 kB: two channels, three focal planes, two time points."""
    return make_ome_tiff(path, channels=channels, z=3, t=2, size=(64, 64), seed=seed)


def make_ome_tiff_set(
    folder: Path,
    *,
    name: str = "cells",
    metadata: Literal["companion", "first", "each"] = "companion",
    channels: Sequence[str] = ("DAPI", "GFP"),
    z: int = 3,
    size: tuple[int, int] = (64, 64),
    seed: int | None = None,
) -> tuple[Path, ...]:
    """Write an image as a TIFF for each channel, its metadata in a companion, in the first TIFF, or in each of them.

    Returns the files, what OMERO opens first.
    """
    seed = _seed(folder / name, seed)
    files = {f"{name}_{channel}.ome.tif": f"urn:uuid:{_uuid(name, channel, seed)}" for channel in channels}
    whole = _set_metadata(name, files, channels, z, size)
    companion = f"{name}.companion.ome"
    source = companion if metadata == "companion" else next(iter(files))
    planes = _planes(len(channels), z, 1, size, seed)
    for file, own in files.items():
        pointer = f'<BinaryOnly MetadataFile="{source}" UUID="urn:uuid:{_uuid(name, source, seed)}"/>'
        text = whole if metadata == "each" or file == source else pointer
        with tifffile.TiffWriter(folder / file, ome=False) as tiff:
            for number, plane in enumerate(itertools.islice(planes, z)):
                description = _OME.format(uuid=own, content=text) if number == 0 else None
                tiff.write(plane, photometric="minisblack", metadata=None, software=False, description=description)
    paths = tuple(folder / file for file in files)
    if metadata != "companion":
        return paths
    (folder / companion).write_text(_OME.format(uuid=f"urn:uuid:{_uuid(name, source, seed)}", content=whole))
    return folder / companion, *paths


_OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">{content}</OME>'
)


def _set_metadata(name: str, files: Mapping[str, str], channels: Sequence[str], z: int, size: tuple[int, int]) -> str:
    described = "".join(
        f'<Channel ID="Channel:0:{number}" Name="{channel}" SamplesPerPixel="1"/>'
        for number, channel in enumerate(channels)
    )
    places = "".join(
        f'<TiffData IFD="{level}" FirstZ="{level}" FirstC="{number}" FirstT="0" PlaneCount="1">'
        f'<UUID FileName="{file}">{own}</UUID></TiffData>'
        for number, (file, own) in enumerate(files.items())
        for level in range(z)
    )
    return (
        f'<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
        f'SizeX="{size[1]}" SizeY="{size[0]}" SizeZ="{z}" SizeC="{len(channels)}" SizeT="1" '
        f'PhysicalSizeX="0.1" PhysicalSizeY="0.1">{described}{places}</Pixels></Image>'
    )


def _uuid(*of: object) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, "#".join(map(str, of)))


def make_tiff(path: Path, *, size: tuple[int, int] = (128, 128), pages: int = 1, seed: int | None = None) -> Path:
    """Write a plain TIFF without any microscopy metadata."""
    with tifffile.TiffWriter(path, ome=False) as tiff:
        for plane in _planes(1, pages, 1, size, _seed(path, seed)):
            tiff.write(plane, photometric="minisblack", metadata=None, software=False)
    return path


def make_truncated(path: Path, *, keep: float = 0.5, seed: int | None = None) -> Path:
    """Write a small OME-TIFF of which only the first `keep` of its bytes arrived."""
    make_small_ome_tiff(path, seed=seed)
    os.truncate(path, int(path.stat().st_size * keep))
    return path


def make_text(path: Path) -> Path:
    """Write a text under the name of an image."""
    path.write_text("This is no image, whatever the name says.\n", encoding="utf-8")
    return path


def make_empty(path: Path) -> Path:
    """Make a file of zero bytes."""
    path.touch()
    return path


def _metadata(path: Path, channels: Sequence[str], pixel_size_um: float, seed: int) -> dict[str, object]:
    return {
        "axes": "TCZYX",
        "Name": path.name,
        "UUID": str(_uuid(path.name, seed)),
        "Description": f"Made-up cells, seed {seed}",
        "PhysicalSizeX": pixel_size_um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pixel_size_um,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 5 * pixel_size_um,
        "PhysicalSizeZUnit": "µm",
        "TimeIncrement": 30.0,
        "TimeIncrementUnit": "s",
        "SignificantBits": 12,
        "Channel": {
            "Name": list(channels),
            "Color": [_signed(COLOURS.get(name, _WHITE)) for name in channels],
            "EmissionWavelength": [WAVELENGTHS_NM.get(name, 550) for name in channels],
            "EmissionWavelengthUnit": ["nm"] * len(channels),
        },
    }


def _signed(rgba: int) -> int:
    """OME-XML writes colours as signed 32-bit numbers."""
    return rgba - 2**32 if rgba >= 2**31 else rgba


def _seed(path: Path, seed: int | None) -> int:
    """Where none is given, each path has a picture of its own: the same content twice would be a duplicate."""
    return zlib.crc32(os.fsencode(path)) if seed is None else seed


def _planes(channels: int, z: int, t: int, size: tuple[int, int], seed: int) -> Iterator[Plane]:
    """Yield planes in the order T, C, Z: windows that drift over one large picture, brightest in the middle of z."""
    random = np.random.default_rng(seed)
    large = (size[0] + _DRIFT, size[1] + _DRIFT)
    cells = [_cells(random, large) for _ in range(channels)]
    noise = random.poisson(100, large).astype(np.uint16)
    for _ in range(t):
        shift = _window(random, size)
        for channel in cells:
            for level in range(z):
                plane = channel[shift] * np.uint16(16 - min(12, 4 * abs(level - z // 2)))
                plane >>= np.uint16(4)
                plane += noise[_window(random, size)]
                yield plane


def _window(random: np.random.Generator, size: tuple[int, int]) -> tuple[slice, slice]:
    y, x = random.integers(0, _DRIFT, 2)
    return slice(y, y + size[0]), slice(x, x + size[1])


def _cells(random: np.random.Generator, size: tuple[int, int]) -> Plane:
    """Draw round, soft spots, brighter where they overlap, 12 bits at most."""
    picture = np.zeros(size, np.float32)
    for _ in range(max(4, size[0] * size[1] // 12_000)):
        radius = random.uniform(6, 20)
        y, x = random.uniform(0, size[0]), random.uniform(0, size[1])
        top, left = int(max(0, y - 3 * radius)), int(max(0, x - 3 * radius))
        part = picture[top : int(y + 3 * radius), left : int(x + 3 * radius)]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        part += random.uniform(800, 2400) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2))
    return np.clip(picture, 0, 3900).astype(np.uint16)


if __name__ == "__main__":
    print(make_ome_tiff(Path(sys.argv[1])))
