"""OME-TIFFs of several files: where their metadata is, and in which file each plane lies.

Source: Bio-Formats' OMETiffReader, as far as the courier's tests need it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ome_types
import tifffile

COMPANION = ".companion.ome"
_STEPS = {"Z": 0, "C": 1, "T": 2}

Place = tuple[Path, int]
"""A file, and the number of a page in it."""


@dataclass(frozen=True)
class OmeSet:
    """What one block of OME-XML speaks of."""

    source: Path
    """The file that it is in."""
    document: Any

    @cached_property
    def files(self) -> list[Path]:
        """The files with pixels, each once."""
        blocks = (block for image in self.document.images for block in image.pixels.tiff_data_blocks)
        return list(dict.fromkeys(self._file(block) for block in blocks))

    def _file(self, block: Any) -> Path:
        if block.uuid is None or block.uuid.value == self.document.uuid:
            return self.source
        named = self.source.parent / str(block.uuid.file_name)
        # Without an identifier of its own, what is not there is the file itself, under an earlier name.
        return named if self.document.uuid is not None or named.is_file() else self.source

    def place(self, series: int, z: int, c: int, t: int) -> Place:
        """Where a plane lies.

        Raises:
            LookupError: nowhere.
        """
        pixels = self.document.images[series].pixels
        for block in pixels.tiff_data_blocks:
            at = (block.first_z or 0, block.first_c or 0, block.first_t or 0)
            for number in range(block.plane_count or 1):
                if at == (z, c, t):
                    return self._file(block), (block.ifd or 0) + number
                at = _after(at, pixels)
        raise LookupError(f"no file holds the plane z={z}, c={c}, t={t}")


def ome_set_of(file: Path) -> OmeSet | None:
    """The set that a companion or TIFF belongs to; None for a TIFF that stands alone.

    Raises:
        OSError, ValueError: its metadata, or a file of it, is not there or cannot be read.
    """
    found = _metadata(file)
    if found is None or found.files == [file]:
        return None
    for each in found.files:
        if not each.is_file():
            raise FileNotFoundError(f"{each} (No such file or directory)")
    return found


def _metadata(file: Path) -> OmeSet | None:
    if file.name.lower().endswith(COMPANION):
        return OmeSet(file, ome_types.from_xml(file.read_text(encoding="utf-8")))
    with tifffile.TiffFile(file) as tiff:
        if not tiff.is_ome:
            return None
        text = str(tiff.ome_metadata)
    if "FileName" not in text and "BinaryOnly" not in text:
        return None
    document = ome_types.from_xml(text)
    if document.binary_only is None:
        return OmeSet(file, document)
    source = file.parent / str(document.binary_only.metadata_file)
    # Bio-Formats then reads it as a TIFF without metadata.
    return _metadata(source) if source.is_file() else None


def _after(at: tuple[int, int, int], pixels: Any) -> tuple[int, int, int]:
    """The next plane, in the order in which the dimensions are said to run."""
    sizes = (pixels.size_z, pixels.size_c, pixels.size_t)
    following = list(at)
    for axis in pixels.dimension_order.value[2:]:
        step = _STEPS[axis]
        following[step] += 1
        if following[step] < sizes[step]:
            break
        following[step] = 0
    return following[0], following[1], following[2]
