"""Reads from DICOM files which series they are of, which files a DICOMDIR names, and whether all pixels are there."""

import posixpath
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.core.errors import SourceBroken
from flows.core.verify.peek import Peek

if TYPE_CHECKING:
    from pydicom import Dataset

_PREAMBLE = 128
_MAGIC = b"DICM"
_TAGS = (
    "SOPClassUID",
    "AcquisitionDate",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "SeriesNumber",
    "InstanceNumber",
    "SpecimenDescriptionSequence",
    "SpecimenIdentifier",
    "Rows",
)
_PIXELS = (0x7FE0, 0x0010)
_UNTOLD = 0xFFFFFFFF
"""The length of pixels that are compressed: it shows at their end only."""


class Header(NamedTuple):
    """What tells which files are of one series; texts are empty and numbers None where the file does not say."""

    series: int | None
    date: str
    time: int | None
    """Microseconds of the day."""
    instance: str
    specimen: str
    has_image: bool

    @property
    def is_of_a_series(self) -> bool:
        """Whether Bio-Formats looks for others of its series (DicomReader.makeFileList)."""
        return self.series is not None and bool(self.date and self.instance) and self.time is not None


def begins_as_dicom(file: Peek) -> bool:
    """Say whether a file begins as DICOM files do (DICOM PS3.10, 7.1)."""
    return file.head(_PREAMBLE + 4)[_PREAMBLE:] == _MAGIC


def read_header(file: Peek) -> Header:
    """Read what tells of the series.

    Raises:
        SourceBroken: it is no DICOM file, or its header is damaged.
    """
    with _opened(file, _TAGS) as (_, data):
        moment = _text(data, "AcquisitionDateTime")
        date = moment[:8] if len(moment) >= 8 else _text(data, "AcquisitionDate")
        specimens = data.get("SpecimenDescriptionSequence") or ()
        return Header(
            series=_number(_text(data, "SeriesNumber")),
            date=date if date.strip("0") else "",
            time=_microseconds(_text(data, "AcquisitionTime") or moment[8:]),
            instance=_text(data, "InstanceNumber"),
            specimen=next((_text(each, "SpecimenIdentifier") for each in specimens), ""),
            has_image=bool(data.get("Rows")),
        )


def images_named(file: Peek) -> list[str]:
    """Return the files of images that a DICOMDIR names, relative to its folder.

    Raises:
        SourceBroken: it cannot be read.
    """
    with _opened(file) as (_, data):
        records = [each for each in data.get("DirectoryRecordSequence") or () if each.DirectoryRecordType == "IMAGE"]
        named = [each.get("ReferencedFileID") for each in records]
        return [each if isinstance(each, str) else posixpath.join(*each) for each in named if each]


def check_pixels(file: Peek) -> None:
    """Check that the pixels go on as long as the file says, where it says so.

    Raises:
        SourceBroken: they do not, or there are none.
    """
    with _opened(file) as (source, data):
        place = source.tell()
        order = "<" if data.is_little_endian is not False else ">"
        head = file.at(place, 12) if place + 12 <= file.size else bytes(12)
    if struct.unpack_from(f"{order}2H", head) != _PIXELS:
        raise SourceBroken("The file is cut off: there are no pixels in it.")
    explicit = head[4:6] in {b"OB", b"OW", b"OF", b"OD", b"OV"}
    (length,) = struct.unpack_from(f"{order}I", head, 8 if explicit else 4)
    if length != _UNTOLD:
        file.holds(place + (12 if explicit else 8) + length)


@contextmanager
def _opened(file: Peek, tags: tuple[str, ...] | None = None) -> Iterator[tuple[BufferedReader, "Dataset"]]:
    """Read everything before the pixels; whatever the library meets in a damaged file is that file's fault."""
    # A tenth of a second that only those need to spend who import DICOM.
    from pydicom import config, dcmread  # noqa: PLC0415
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415

    config.settings.reading_validation_mode = config.IGNORE
    with file.stream() as source, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data: Any = dcmread(source, stop_before_pixels=True, force=True, specific_tags=list(tags) if tags else None)
            if not len(data):
                raise SourceBroken("It is no DICOM file, whatever its name says.")
            yield source, data
        except (
            InvalidDicomError,
            ArithmeticError,
            AttributeError,
            LookupError,
            NotImplementedError,
            OSError,
            TypeError,
            ValueError,
            struct.error,
        ) as damaged:
            raise SourceBroken("Its DICOM header cannot be read.") from damaged


def _text(data: "Dataset", name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value).strip()


def _number(text: str) -> int | None:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def _microseconds(text: str) -> int | None:
    """Turn a time of the day, `HHMMSS.FFFFFF`, into a number; colons and offsets are met, and mean nothing here."""
    plain = text.replace(":", "").partition("+")[0].partition("-")[0].strip()
    if not plain[:2].isdigit():
        return None
    pairs = (plain[at : at + 2] for at in (0, 2, 4))
    hours, minutes, seconds = (int(each) if each.isdigit() else 0 for each in pairs)
    fraction = plain[7:] if plain[6:7] == "." else ""
    return (hours * 3600 + minutes * 60 + seconds) * 1_000_000 + (int(fraction) if fraction.isdigit() else 0)
