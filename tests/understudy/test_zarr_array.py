"""Arrays of Zarr, format 2 and 3, as the stand-in reads them: planes out of chunks and shards, packed in many ways."""

import base64
import gzip
import json
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.sandbox.understudy.blosc import blosc_decoded
from deployments.sandbox.understudy.zarr_array import ZarrArray

PIXELS = np.arange(2 * 3 * 5 * 7, dtype="<u2").reshape(2, 3, 5, 7)


def second(folder: Path, **more: object) -> None:
    """Describe an array in format 2."""
    told = {"shape": [2, 3, 5, 7], "chunks": [1, 2, 4, 4], "dtype": "<u2", "compressor": None, "fill_value": 9, **more}
    (folder / ".zarray").write_text(json.dumps(told))


def third(folder: Path, *codecs: Any, keys: Any = None, chunks: tuple[int, ...] = (1, 2, 4, 4)) -> None:
    """Describe an array in format 3."""
    told = {
        "shape": [2, 3, 5, 7],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": keys or {"name": "default"},
        "fill_value": 9,
        "codecs": codecs or [LITTLE],
    }
    (folder / "zarr.json").write_text(json.dumps(told))


def codec(name: str, **configuration: object) -> dict[str, object]:
    return {"name": name, "configuration": configuration}


def chunk(place: tuple[int, ...], dtype: str = "<u2", shape: tuple[int, ...] = (1, 2, 4, 4)) -> Any:
    """Cut a chunk out of the pixels; what reaches beyond them is 1."""
    corner = tuple(slice(at * size, (at + 1) * size) for at, size in zip(place, shape, strict=True))
    whole = np.ones(shape, dtype)
    inside = PIXELS[corner]
    whole[tuple(map(slice, inside.shape))] = inside
    return whole


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


PLACES = list(np.ndindex(2, 2, 2, 2))
LITTLE = codec("bytes", endian="little")
BIG = codec("bytes", endian="big")
ROTATED = codec("transpose", order=[2, 0, 3, 1])
DOTTED, NESTED = ".".join, "/".join


def in_c(place: list[str]) -> str:
    return "/".join(("c", *place))


def as_is(pixels: Any) -> bytes:
    return pixels.tobytes()


# How an array is described, how a chunk is named, how its bytes are made.
KINDS = {
    "plain": (second, DOTTED, as_is),
    "nested": (partial(second, dimension_separator="/"), NESTED, as_is),
    "big-endian": (partial(second, dtype=">u2"), DOTTED, lambda c: c.astype(">u2").tobytes()),
    "columns first": (partial(second, order="F"), DOTTED, lambda c: c.tobytes(order="F")),
    "zlib": (partial(second, compressor={"id": "zlib"}), DOTTED, lambda c: zlib.compress(c.tobytes())),
    "gzip": (partial(second, compressor={"id": "gzip"}), DOTTED, lambda c: gzip.compress(c.tobytes())),
    "third": (third, in_c, as_is),
    "third, dotted": (partial(third, keys=codec("default", separator=".")), lambda p: ".".join(("c", *p)), as_is),
    "third, named as before": (partial(third, keys={"name": "v2"}), DOTTED, as_is),
    "third, big-endian, gzip": (
        lambda folder: third(folder, BIG, codec("gzip", level=1)),
        in_c,
        lambda c: gzip.compress(c.astype(">u2").tobytes()),
    ),
    "third, turned": (
        lambda folder: third(folder, ROTATED, LITTLE),
        in_c,
        lambda c: c.transpose(2, 0, 3, 1).tobytes(),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_planes_are_put_together_from_chunks(tmp_path: Path, kind: str) -> None:
    describe, name, encode = KINDS[kind]
    describe(tmp_path)
    for place in PLACES:
        write(tmp_path, name(list(map(str, place))), encode(chunk(place)))

    array = ZarrArray.at(tmp_path)

    for place in np.ndindex(2, 3):
        assert np.array_equal(array.plane(place), PIXELS[place])
    with pytest.raises(LookupError):
        array.plane((2, 0))


@pytest.mark.parametrize("location", ["start", "end"])
def test_planes_are_put_together_from_shards(tmp_path: Path, location: str) -> None:
    sharding = codec(
        "sharding_indexed",
        chunk_shape=[1, 1, 4, 4],
        codecs=[LITTLE, codec("gzip")],
        index_codecs=[LITTLE, {"name": "crc32c"}],
        index_location=location,
    )
    third(tmp_path, sharding, chunks=(1, 3, 8, 8))
    for outer in range(2):
        places = list(np.ndindex(3, 2, 2))
        # The last chunk is empty.
        inner = [gzip.compress(chunk((outer, *place), shape=(1, 1, 4, 4)).tobytes()) for place in places[:-1]]
        at = 16 * len(places) + 4 if location == "start" else 0
        index = b""
        for each in inner:
            index += struct.pack("<QQ", at, len(each))
            at += len(each)
        index += b"\xff" * 16 + b"sums"
        shard = index + b"".join(inner) if location == "start" else b"".join(inner) + index
        write(tmp_path, f"c/{outer}/0/0/0", shard)

    array = ZarrArray.at(tmp_path)

    for place in np.ndindex(2, 3):
        expected = PIXELS[place].copy()
        if place[1] == 2:
            expected[4:, 4:] = 9
        assert np.array_equal(array.plane(place), expected)


@pytest.mark.parametrize("describe", [second, third])
def test_chunks_that_are_missing_are_empty(tmp_path: Path, describe: Any) -> None:
    describe(tmp_path)

    assert (ZarrArray.at(tmp_path).plane((0, 0)) == 9).all()


@pytest.mark.parametrize("codecs", [(LITTLE, {"name": "zstd"}), ({"name": "vlen"},)])
def test_a_compression_that_is_not_modelled_is_named_when_pixels_are_read(tmp_path: Path, codecs: Any) -> None:
    third(tmp_path, *codecs)
    write(tmp_path, "c/0/0/0/0", b"packed")

    array = ZarrArray.at(tmp_path)

    assert array.shape == (2, 3, 5, 7)
    with pytest.raises(ValueError, match=f"{codecs[-1]['name']}: this"):
        array.plane((0, 0))


RAMP = (np.arange(300) // 20 * 7).astype("<u2").tobytes()
# As c-blosc 1.21 packs it.
BLOSC = {
    "LZ4, shuffled": (
        "AgEhAlgCAABYAgAAeAAAABQAAABQAAAAHwABAAAfBwEAAB8OAQAAHxUBAAAfHAEAAB8jAQAAHyoBAAAfMQEAAB84AQAAHz8BAAAfRgEAAB9N"
        "AQAAH1QBAAAfWwEAABpiAQBQYmJiYmIMAAAAHwABAP8UUAAAAAAA"
    ),
    "LZ4": (
        "AgEgAlgCAABYAgAAdwAAABQAAAAtAAAAHwABABQfBwIAFB8OAgAUHxUCABQfHAIAFB8jAgAUHyoCABQaMQIAUAAxADEALgAAAC4xAAIAHzgC"
        "ABQfPwIAFB9GAgAUH00CABQfVAIAFB9bAgAUH2ICAA9QAGIAYgA="
    ),
    "zlib, shuffled": (
        "AgFhAlgCAABYAgAAWwAAABQAAAAyAAAAeNpjYMAE7FgAHxYgigXIYAHKWIAWFmCIBVhgAfZYgBsW4IsFhGAB0VhAEhYAAM3lOW0NAAAAeNpj"
        "YBgFxAIAASwAAQ=="
    ),
}


@pytest.mark.parametrize("packed", BLOSC.values(), ids=BLOSC)
def test_what_blosc_packed_is_unpacked(packed: str) -> None:
    assert blosc_decoded(base64.b64decode(packed)) == RAMP


def test_what_blosc_left_as_it_was_is_taken_so() -> None:
    assert blosc_decoded(base64.b64decode("AgEzAQgAAAAIAAAAGAAAAAABAgMEBQYH")) == bytes(range(8))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x02\x01\x21",
        base64.b64decode(BLOSC["LZ4"])[:60],
        base64.b64decode(BLOSC["LZ4"]).replace(b"\x01 ", b"\x01\x91", 1),
    ],
    ids=["nothing", "a header cut off", "a block cut off", "Zstandard"],
)
def test_what_blosc_did_not_pack_so_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"Blosc|block"):
        blosc_decoded(packed)
