"""What Blosc 1 has packed, unpacked: with LZ4 or zlib, its bytes shuffled or not.

Source: c-blosc, README_CHUNK_FORMAT.rst; lz4, doc/lz4_Block_format.md.
"""

import struct
import zlib

import numpy as np

_SHUFFLED, _PLAIN, _BITS_SHUFFLED, _WHOLE = 1, 2, 4, 16
"""Flags of the header: bytes of a kind beside each other, nothing packed, bits of a kind, a block in one piece."""
_LZ4, _ZLIB = 1, 3
_MOST_PIECES, _LEAST_OF_A_PIECE = 16, 128
_HEADER = 16


def blosc_decoded(packed: bytes) -> bytes:
    """Unpack it.

    Raises:
        ValueError: it is cut off, makes no sense, or was packed by something else.
    """
    try:
        return _decoded(packed)
    except (ArithmeticError, IndexError, struct.error, zlib.error) as nonsense:
        raise ValueError(f"this is not what Blosc writes ({nonsense})") from nonsense


def _decoded(packed: bytes) -> bytes:
    _, _, flags, width, size, block, _ = struct.unpack_from("<BBBBIII", packed)
    if flags & _PLAIN:
        return packed[_HEADER : _HEADER + size]
    if flags & _BITS_SHUFFLED or flags >> 5 not in {_LZ4, _ZLIB}:
        raise ValueError(f"this use of Blosc (flags {flags:#04x}) is not modelled by the understudy")
    sizes = [min(block, size - start) for start in range(0, size, block)]
    starts = struct.unpack_from(f"<{len(sizes)}I", packed, _HEADER)
    out = bytearray()
    for start, length in zip(starts, sizes, strict=True):
        in_pieces = not flags & _WHOLE and length == block
        in_pieces = in_pieces and width <= _MOST_PIECES and block // width >= _LEAST_OF_A_PIECE
        found = _block(packed, start, length, width if in_pieces else 1, flags >> 5)
        out += _in_order(found, width) if flags & _SHUFFLED and width > 1 else found
    return bytes(out)


def _block(packed: bytes, start: int, size: int, pieces: int, kind: int) -> bytes:
    out = bytearray()
    for _ in range(pieces):
        (length,) = struct.unpack_from("<I", packed, start)
        piece = packed[start + 4 : start + 4 + length]
        start += 4 + length
        if length == size // pieces:
            out += piece
        else:
            out += _lz4(piece) if kind == _LZ4 else zlib.decompress(piece)
    if len(out) != size:
        raise ValueError(f"a block of {size} bytes has {len(out)}")
    return bytes(out)


def _in_order(shuffled: bytes, width: int) -> bytes:
    """Undo the shuffle; what is left over at the end was not shuffled."""
    whole = len(shuffled) // width * width
    ordered = np.frombuffer(shuffled[:whole], np.uint8).reshape(width, -1).T.tobytes()
    return ordered + shuffled[whole:]


def _lz4(packed: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(packed):
        token = packed[at]
        count, at = _length(packed, at + 1, token >> 4)
        out += packed[at : at + count]
        at += count
        if at >= len(packed):
            break
        distance = packed[at] | packed[at + 1] << 8
        count, at = _length(packed, at + 2, token & 15)
        count += 4
        if not 0 < distance <= len(out):
            raise ValueError("LZ4 refers to what was not there")
        # What is copied may reach into what the copy itself writes.
        repeated = bytes(out[-distance:][:count])
        out += (repeated * (count // len(repeated) + 1))[:count]
    return bytes(out)


def _length(packed: bytes, at: int, begun: int) -> tuple[int, int]:
    """Return a length that goes on in further bytes, and where it ends."""
    if begun < 15:
        return begun, at
    while True:
        more = packed[at]
        begun, at = begun + more, at + 1
        if more < 255:
            return begun, at
