"""Knows how files of common containers begin and end, and checks that neither is missing; reads no pixels.

A container without a check of its own is known by its first bytes only.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from flows.core.errors import SourceBroken, SourceIncomplete
from flows.core.verify.peek import Peek
from flows.core.verify.tiff import check_tiff


class Container(NamedTuple):
    """A way to lay out a file."""

    begins: tuple[bytes, ...]
    """Any of these stands at `offset`."""
    check: Callable[[Peek], object]
    offset: int = 0

    def fits(self, head: bytes) -> bool:
        """Say whether a file that begins with `head` is one."""
        return head.startswith(self.begins, self.offset)


def _no_more(_file: Peek) -> None:
    """Nothing else can be seen cheaply."""


def _lsm(file: Peek) -> None:
    """Zeiss LSM: a TIFF whose compressed strips state lengths that are too large (tifffile: LSM StripByteCounts)."""
    check_tiff(file, lengths=False)


def _czi(file: Peek) -> None:
    """Zeiss CZI: the directory, the metadata and the last block that the directory names are there."""
    part, directory, metadata, _, attachments = struct.unpack("<iqqiq", file.at(80, 32))
    if part:
        raise SourceIncomplete(f"This is part {part} of an image that was written to several files.")
    if not directory:
        raise SourceBroken("The file was never finished: it has no directory of its image blocks.")
    entries = _czi_segment(file, directory, b"ZISRAWDIRECTORY")
    for segment, name in ((metadata, b"ZISRAWMETADATA"), (attachments, b"ZISRAWATTDIR")):
        if segment:
            _czi_segment(file, segment, name)
    if last := _czi_last_block(file.at(directory + 32, entries)):
        _czi_segment(file, last, b"ZISRAWSUBBLOCK")


def _czi_segment(file: Peek, offset: int, name: bytes) -> int:
    """Check that a segment is there, and return how many bytes it holds."""
    found, allocated, used = struct.unpack("<16sqq", file.at(offset, 32))
    if found.rstrip(b"\0") != name:
        raise SourceBroken(f"There is no {name.decode()} where the file's header says.")
    file.holds(offset + 32 + allocated)
    return int(used or allocated)


def _czi_last_block(directory: bytes) -> int:
    """Return the largest position that the directory names; each entry has a fixed part and 20 bytes a dimension."""
    last, offset = 0, 128
    for _ in range(*struct.unpack_from("<i", directory)):
        position, dimensions = struct.unpack_from("<6xq14xI", directory, offset)
        last = max(last, position)
        offset += 32 + 20 * dimensions
    return last


def _lif(file: Peek) -> None:
    """Leica LIF: every memory block ends within the file."""
    (header,) = struct.unpack("<4xi", file.at(0, 8))
    offset = 8 + header
    file.holds(offset)
    while offset < file.size:
        mark, length = struct.unpack("<ii", file.at(offset, 8))
        if mark != 0x70 or length < 0:
            raise SourceBroken(f"There is no block of image data at byte {offset:,}, where one should begin.")
        block = file.at(offset + 8, 10)
        size = struct.unpack("<xI", block[:5])[0] if block[5] == 0x2A else struct.unpack("<xQ", block[:9])[0]
        offset += 8 + length + size
        file.holds(offset)


def _nd2(file: Peek) -> None:
    """Nikon ND2: the map of chunks, written last, is there."""
    tail = file.tail(40)
    if not tail.startswith(b"ND2 CHUNK MAP SIGNATURE"):
        raise SourceBroken("The file is cut off, or was never finished: the map of its parts is missing at the end.")
    (chunk_map,) = struct.unpack("<q", tail[32:])
    file.at(chunk_map, 16)


def _dv(file: Peek) -> None:
    """DeltaVision: header, extended header and all planes are there."""
    order = "<" if file.at(96, 2) == b"\xa0\xc0" else ">"
    width, height, planes, kind = struct.unpack(f"{order}4i", file.at(0, 16))
    (extended,) = struct.unpack(f"{order}i", file.at(92, 4))
    pixel = {0: 1, 1: 2, 2: 4, 3: 4, 4: 8, 6: 2, 7: 4}.get(kind)
    if pixel is not None:
        file.holds(1024 + extended + width * height * planes * pixel)


def _hdf5(file: Peek) -> None:
    """HDF5: goes on until the end that its superblock names (HDF5 File Format Specification, II.A)."""
    version = file.at(8, 1)[0]
    start = 28 if version >= 2 else 40 if version == 0 else 44
    (end,) = struct.unpack("<Q", file.at(start, 8))
    file.holds(end)


def _ole(file: Peek) -> None:
    """OLE2 (ZVI, OIB, CXD, IPW): the directory and the allocation tables named in the header are there."""
    (shift,) = struct.unpack("<H", file.at(30, 2))
    if shift not in {9, 12}:
        raise SourceBroken("The size of the sectors that it is divided into makes no sense.")
    (directory,) = struct.unpack("<I", file.at(48, 4))
    tables = struct.unpack("<109I", file.at(76, 436))
    last = max(sector for sector in (directory, *tables) if sector < 0xFFFFFFFA)
    file.holds(((last + 1) << shift) + 1)


def _ets(file: Peek) -> None:
    """Olympus ETS: all tiles that its table names are there (Bio-Formats: CellSensReader.parseETSFile)."""
    dimensions, header, table, tiles = struct.unpack("<12xiq8xqi", file.at(0, 44))
    if not file.at(header, 4).startswith(b"ETS"):
        raise SourceBroken("There is no header of the pixels where the file says.")
    if not 0 <= dimensions <= 32:
        raise SourceBroken(f"Its tiles claim to have {dimensions} dimensions.")
    entry = struct.Struct(f"<4x{4 * dimensions}xqi4x")
    places = entry.iter_unpack(file.at(table, tiles * entry.size))
    file.holds(max((offset + count for offset, count in places), default=0))


def _ics(file: Peek) -> None:
    """ICS: the version stands in the second line; the first names the characters that separate fields and lines."""
    if b"ics_version" not in file.head(64):
        raise SourceBroken("Its name says Image Cytometry Standard, but it does not begin with its version.")


def _png(file: Peek) -> None:
    _ends_with(file, b"IEND")


def _jpeg(file: Peek) -> None:
    _ends_with(file, b"\xff\xd9")


def _ends_with(file: Peek, mark: bytes) -> None:
    """Look for the end mark near the end: some programs append notes of their own."""
    if mark not in file.tail(65_536):
        raise SourceBroken("The file is cut off: the mark that ends such a file is missing.")


def _bmp(file: Peek) -> None:
    (size,) = struct.unpack("<I", file.at(2, 4))
    file.holds(size)


def _riff(file: Peek) -> None:
    (size,) = struct.unpack("<I", file.at(4, 4))
    file.holds(size + 8)


TIFF = Container((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _no_more)
"""Followed page by page by `tiff.check_tiff`, since what its description says matters too."""
TIFF_HEAD = Container(TIFF.begins, _no_more)
"""TIFF whose tables some vendor writes in its own way (Hamamatsu NDPI beyond 4 GB): not followed."""
LSM = Container(TIFF.begins, _lsm)
CZI = Container((b"ZISRAWFILE",), _czi)
LIF = Container((b"\x70\0\0\0",), _lif)
LOF = Container(LIF.begins, _no_more)
ND2 = Container((b"\xda\xce\xbe\x0a",), _nd2)
JPEG2000 = Container((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), _no_more)
DELTAVISION = Container((b"\xa0\xc0", b"\xc0\xa0"), _dv, 96)
HDF5 = Container((b"\x89HDF\r\n\x1a\n",), _hdf5)
OLE = Container((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), _ole)
PNG = Container((b"\x89PNG\r\n\x1a\n",), _png)
JPEG = Container((b"\xff\xd8\xff",), _jpeg)
GIF = Container((b"GIF87a", b"GIF89a"), _no_more)
BMP = Container((b"BM",), _bmp)
AVI = Container((b"RIFF",), _riff)
PHOTOSHOP = Container((b"8BPS",), _no_more)
FITS = Container((b"SIMPLE  =",), _no_more)
NRRD = Container((b"NRRD",), _no_more)
OBF = Container((b"OMAS_BF",), _no_more)
OIR = Container((b"OLYMPUSRAWFORMAT",), _no_more)
DM = Container((b"\0\0\0\x03", b"\0\0\0\x04"), _no_more)
GZIP = Container((b"\x1f\x8b",), _no_more)
ETS = Container((b"SIS\0",), _ets)
ICS = Container((b"",), _ics)
XML = Container((b"<", b"\xef\xbb\xbf<"), _no_more)
