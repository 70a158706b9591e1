"""Files to measure with, and what the product's stages say of them."""

import os
from collections.abc import Mapping
from pathlib import Path

import tifffile

from deployments.sandbox.images import make_small_ome_tiff
from flows.core.requests import Fileset, SourceFile, StagedFile, StagedFileset, VerifiedFileset

_BLOCK = 8 * 1024**2


def random_file(path: Path, size: int) -> Path:
    """Write bytes that nothing compresses."""
    with path.open("wb") as file:
        for start in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))
    return path


def padded_image(path: Path, size: int) -> Path:
    """Write a small image and fill it up with bytes that readers pass over: what is measured is their transport."""
    small = make_small_ome_tiff(path).stat().st_size
    with path.open("ab") as file:
        for start in range(small, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))
    return path


def alike_images(model: Path, places: Mapping[int, Path]) -> None:
    """Write images as large as a model, which is an uncompressed TIFF; each has its number in its first pixels."""
    with tifffile.TiffFile(model) as image:
        pixels = image.pages[0].dataoffsets[0]
    whole = model.read_bytes()
    for number, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(whole[:pixels] + number.to_bytes(4, "little") + whole[pixels + 4 :])


def sparse_image(path: Path, size: int) -> Path:
    """Write a small image at the beginning of a file that takes no room on disk."""
    make_small_ome_tiff(path)
    os.truncate(path, size)
    return path


def verified(*paths: Path) -> VerifiedFileset:
    """Return what the verify stage would."""
    files = []
    for path in paths:
        look = path.stat()
        real = str(path.resolve())
        files.append(SourceFile(path=real, client_path=real, size=look.st_size, mtime_ns=look.st_mtime_ns))
    return VerifiedFileset(fileset=Fileset(files=tuple(files)), format="OME-TIFF")


def staged(*paths: Path) -> StagedFileset:
    """Return what the transfer stage would, for files that are read where they are."""
    fileset = verified(*paths).fileset
    files = tuple(StagedFile(path=each.path, client_path=each.client_path, size=each.size) for each in fileset.files)
    return StagedFileset(fileset=fileset, files=files, staged=False)
