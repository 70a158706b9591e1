"""An array of a Zarr, format 2 or 3: its metadata, and planes from its chunks, also from shards.

Source: the Zarr specifications, https://zarr-specs.readthedocs.io. Of the codecs those that Python's own library
undoes, and Blosc with LZ4 or zlib: what bioformats2raw writes. Others are refused when pixels are asked for.
"""

import bz2
import itertools
import json
import lzma
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deployments.sandbox.understudy.blosc import blosc_decoded

Shape = tuple[int, ...]

_NOT_THERE = 2**64 - 1
"""What the index of a shard says of a chunk that is empty."""


def _inflated(data: bytes) -> bytes:
    return zlib.decompress(data, wbits=47)


_UNDO: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _inflated,
    "zlib": _inflated,
    "bz2": bz2.decompress,
    "lzma": lzma.decompress,
    "blosc": blosc_decoded,
    "crc32c": lambda data: data[:-4],
}


@dataclass(frozen=True)
class ZarrArray:
    """What an array says of itself, in the words of format 3."""

    folder: Path
    shape: Shape
    dtype: Any
    chunks: Shape
    prefix: tuple[str, ...]
    """How the name of a chunk begins, and what is between its numbers."""
    separator: str
    codecs: list[Any]
    fill: Any

    @classmethod
    def at(cls, folder: Path) -> "ZarrArray":
        """Read the metadata of an array.

        Raises:
            OSError, ValueError, LookupError: it cannot be read.
        """
        third = folder / "zarr.json"
        told = json.loads((third if third.is_file() else folder / ".zarray").read_text(encoding="utf-8"))
        return cls._third(folder, told) if third.is_file() else cls._second(folder, told)

    @classmethod
    def _second(cls, folder: Path, told: Any) -> "ZarrArray":
        # A filter is no compressor, but is undone in the same way: after it.
        packed = [*(told.get("filters") or ()), *([told["compressor"]] if told["compressor"] else ())]
        turned = [{"name": "transpose", "configuration": {"order": [*reversed(range(len(told["shape"])))]}}]
        return cls(
            folder=folder,
            shape=tuple(told["shape"]),
            dtype=np.dtype(told["dtype"]),
            chunks=tuple(told["chunks"]),
            prefix=(),
            separator=told.get("dimension_separator", "."),
            codecs=[
                *(turned if told.get("order") == "F" else ()),
                {"name": "bytes", "configuration": {"endian": "big" if told["dtype"].startswith(">") else "little"}},
                *({"name": each["id"]} for each in packed),
            ],
            fill=told.get("fill_value") or 0,
        )

    @classmethod
    def _third(cls, folder: Path, told: Any) -> "ZarrArray":
        keys = told["chunk_key_encoding"]
        is_plain = keys["name"] == "v2"
        return cls(
            folder=folder,
            shape=tuple(told["shape"]),
            dtype=np.dtype(told["data_type"]),
            chunks=tuple(told["chunk_grid"]["configuration"]["chunk_shape"]),
            prefix=() if is_plain else ("c",),
            separator=keys.get("configuration", {}).get("separator", "." if is_plain else "/"),
            codecs=told["codecs"],
            fill=told.get("fill_value") or 0,
        )

    def plane(self, place: Shape) -> Any:
        """Return the last two dimensions, at a place in those before.

        Raises:
            LookupError: there is no such place.
            OSError, ValueError: a chunk cannot be read.
        """
        if any(not 0 <= at < size for at, size in zip(place, self.shape[:-2], strict=True)):
            raise LookupError(f"{self.folder.name} has no plane at {place}")
        outer = tuple(at // size for at, size in zip(place, self.chunks[:-2], strict=True))
        inner = tuple(at % size for at, size in zip(place, self.chunks[:-2], strict=True))
        plane = np.full(self.shape[-2:], self.fill, self.dtype)
        height, width = self.chunks[-2:]
        for row, column in itertools.product(*map(_count, self.shape[-2:], self.chunks[-2:])):
            part = plane[row * height : (row + 1) * height, column * width : (column + 1) * width]
            file = self.folder / self.separator.join((*self.prefix, *map(str, (*outer, row, column))))
            if file.is_file():
                chunk = self._decoded(file.read_bytes(), self.chunks, self.codecs)
                part[...] = chunk[inner][: part.shape[0], : part.shape[1]]
        return plane

    def _decoded(self, data: bytes, shape: Shape, codecs: list[Any], dtype: Any = None) -> Any:
        """Undo codecs, the last one first."""
        first, *others = codecs
        if first["name"] == "transpose":
            order = first["configuration"]["order"]
            turned = self._decoded(data, tuple(shape[axis] for axis in order), others, dtype)
            return turned.transpose(np.argsort(order))
        for codec in reversed(others):
            if (undo := _UNDO.get(codec["name"])) is None:
                raise ValueError(f"{codec['name']}: this compression is not modelled by the understudy")
            data = undo(data)
        configuration = first.get("configuration", {})
        if first["name"] == "sharding_indexed":
            return self._from_shard(data, shape, configuration)
        if first["name"] != "bytes":
            raise ValueError(f"{first['name']}: this codec is not modelled by the understudy")
        order = ">" if configuration.get("endian") == "big" else "<"
        return np.frombuffer(data, np.dtype(dtype or self.dtype).newbyteorder(order)).reshape(shape)

    def _from_shard(self, data: bytes, shape: Shape, sharding: Any) -> Any:
        """Put the chunks of a shard together."""
        chunks = tuple(sharding["chunk_shape"])
        counts = tuple(map(len, map(_count, shape, chunks)))
        size = 16 * math.prod(counts) + 4 * sum(each["name"] == "crc32c" for each in sharding["index_codecs"])
        packed = data[:size] if sharding.get("index_location") == "start" else data[-size:]
        index = self._decoded(packed, (*counts, 2), sharding["index_codecs"], np.uint64)
        whole = np.full(shape, self.fill, self.dtype)
        for place in itertools.product(*map(range, counts)):
            offset, length = map(int, index[place])
            if (offset, length) != (_NOT_THERE, _NOT_THERE):
                corner = tuple(slice(at * size, (at + 1) * size) for at, size in zip(place, chunks, strict=True))
                whole[corner] = self._decoded(data[offset : offset + length], chunks, sharding["codecs"])
        return whole


def _count(size: int, chunk: int) -> range:
    return range(math.ceil(size / chunk))
