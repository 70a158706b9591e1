"""Follows a TIFF's tables from page to page and checks that what they point to is in the file; reads no pixels.

Classic TIFF and BigTIFF, pyramids in SubIFDs included (TIFF 6.0 section 2; BigTIFF as libtiff writes it).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from flows.core.errors import SourceBroken
from flows.core.verify.peek import Peek

DESCRIPTION, STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS = 270, 273, 279, 324, 325, 330
_WANTED = frozenset({DESCRIPTION, STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS})
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""TIFF's types of whole numbers and text, as `struct` writes them."""
_MOST_VALUES = 50_000_000
_ABSENT = (1, 0, 0)


@dataclass(frozen=True)
class _Layout:
    """How numbers are written in this file."""

    order: str
    entries: str
    """Format of the number of entries of a table."""
    entry: struct.Struct
    """Tag, type, number of values, and the values or where they are."""
    pointer: str

    @property
    def inline(self) -> int:
        """Bytes of values that fit into the entry itself."""
        return struct.calcsize(self.pointer)


_Page = dict[int, tuple[int, int, int]]
"""The tags of interest of one table: type code, number of values, offset of the first."""


def check_tiff(file: Peek, *, lengths: bool = True) -> bytes:
    """Return the first page's description; empty where there is none.

    Without `lengths` strips and tiles have to begin in the file, but may say that they are longer than they are.

    Raises:
        SourceBroken: a page, strip or tile lies beyond the end of the file, or there is no page.
    """
    layout, start = _layout(file)
    seen: set[int] = set()
    description: bytes | None = None
    for page in _pages(file, layout, start, seen):
        if description is None:
            _, length, offset = page.get(DESCRIPTION, _ABSENT)
            description = file.at(offset, length).rstrip(b"\0") if length else b""
        _check_pixels(file, layout, page, lengths)
        for sub in _values(file, layout, page, SUB_IFDS):
            for smaller in _pages(file, layout, sub, seen):
                _check_pixels(file, layout, smaller, lengths)
    if description is None:
        raise SourceBroken("The file is a TIFF without a single page.")
    return description


def first_description(file: Peek) -> bytes:
    """Return the first page's description without a look at anything else; empty where there is none.

    Raises:
        SourceBroken: the first table lies beyond the end of the file.
    """
    layout, start = _layout(file)
    for page in _pages(file, layout, start, set()):
        _, length, offset = page.get(DESCRIPTION, _ABSENT)
        return file.at(offset, length).rstrip(b"\0") if length else b""
    return b""


def _layout(file: Peek) -> tuple[_Layout, int]:
    order = "<" if file.at(0, 2) == b"II" else ">"
    (version,) = struct.unpack(f"{order}H", file.at(2, 2))
    if version == 43:
        layout = _Layout(order, "Q", struct.Struct(f"{order}HHQ8s"), f"{order}Q")
        return layout, *struct.unpack(layout.pointer, file.at(8, 8))
    layout = _Layout(order, "H", struct.Struct(f"{order}HHI4s"), f"{order}I")
    return layout, *struct.unpack(layout.pointer, file.at(4, 4))


def _pages(file: Peek, layout: _Layout, start: int, seen: set[int]) -> Iterator[_Page]:
    """Yield the chain of tables from `start` on, those that were met before excepted."""
    offset = start
    while offset and offset not in seen:
        seen.add(offset)
        number_format = layout.order + layout.entries
        first = offset + struct.calcsize(number_format)
        (number,) = struct.unpack(number_format, file.at(offset, struct.calcsize(number_format)))
        file.holds(first + number * layout.entry.size + layout.inline)
        table = file.at(first, number * layout.entry.size + layout.inline)
        yield _page(layout, table[: -layout.inline], first)
        (offset,) = struct.unpack(layout.pointer, table[-layout.inline :])


def _page(layout: _Layout, table: bytes, first: int) -> _Page:
    """Return the tags of interest; of several of a kind the first counts (Micro-Manager describes a page twice)."""
    page: _Page = {}
    for index, (tag, kind, count, value) in enumerate(layout.entry.iter_unpack(table)):
        if tag in _WANTED and kind in _CODES and tag not in page:
            size = struct.calcsize("<" + _CODES[kind]) * count
            in_entry = first + (index + 1) * layout.entry.size - layout.inline
            page[tag] = (kind, count, in_entry if size <= layout.inline else struct.unpack(layout.pointer, value)[0])
    return page


def _values(file: Peek, layout: _Layout, page: _Page, tag: int) -> tuple[int, ...]:
    kind, count, offset = page.get(tag, _ABSENT)
    if count == 0:
        return ()
    if count > _MOST_VALUES:
        raise SourceBroken(f"A table in the file claims {count:,} values.")
    code = f"{layout.order}{count}{_CODES[kind]}"
    return struct.unpack(code, file.at(offset, struct.calcsize(code)))


def _check_pixels(file: Peek, layout: _Layout, page: _Page, lengths: bool) -> None:
    """Check that strips and tiles lie within the file; those of no bytes are holes and lie nowhere."""
    for offsets_tag, counts_tag in ((STRIP_OFFSETS, STRIP_COUNTS), (TILE_OFFSETS, TILE_COUNTS)):
        offsets = _values(file, layout, page, offsets_tag)
        counts = (_values(file, layout, page, counts_tag) if lengths else ()) or (1,) * len(offsets)
        file.holds(max((offset + count for offset, count in zip(offsets, counts, strict=False) if count), default=0))
