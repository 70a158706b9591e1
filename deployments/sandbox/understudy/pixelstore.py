"""RawPixelsStore: reading the pixels of an image from the file that it was imported from; nothing can be written."""

from pathlib import Path
from typing import Any

import numpy as np
import omero
import tifffile

from deployments.sandbox.understudy.filestore import repository_path
from deployments.sandbox.understudy.foreign import is_foreign, read_plane
from deployments.sandbox.understudy.house import House, SessionService
from deployments.sandbox.understudy.ome_sets import ome_set_of
from deployments.sandbox.understudy.pixels import SUFFIXES, many_files_of
from deployments.sandbox.understudy.processing import LOCATED
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.seen import ManyFiles
from deployments.sandbox.understudy.sessions import Session


class PixelStore(SessionService):
    """Source: omero-server RawPixelsBean."""

    def __init__(self, house: House, session: Session, name: str) -> None:
        super().__init__(house, session)
        self._name = name
        self._pixels: Row | None = None
        self._file = Path()
        self._files = 0
        self._series = 0

    def setPixelsId(self, pixels_id: int, _bypass: bool, current: Any) -> None:  # noqa: N802
        """Choose the pixels; an import that was stopped half-way has left some that no file is known of."""
        row = self.house.database.get(Ref("Pixels", pixels_id))
        if row is None or not self.call(current).access.readable(row):
            raise refusal(omero.ValidationException, f"Cannot read pixels id={pixels_id}")
        image = self._row(row.get("image"))
        entries = self.house.database.pointing_at(image.values["fileset"], "FilesetEntry", "fileset")  # type: ignore[arg-type]
        if LOCATED not in row.marks or not entries:
            raise refusal(omero.ResourceError, f"Cannot find the file of pixels id={pixels_id}")
        self._file = repository_path(self.house, self._row(entries[0].get("originalFile")))
        self._files = len(entries)
        self._series = int(str(image.get("series")))
        self._pixels = row

    def _row(self, ref: Any) -> Row:
        found = self.house.database.get(ref)
        if found is None:
            raise refusal(omero.ValidationException, f"No row with the given identifier exists: {ref}")
        return found

    def getPixelsId(self, _current: Any) -> Any:  # noqa: N802
        """Of the chosen pixels."""
        return self._chosen().id

    def getByteWidth(self, _current: Any) -> Any:  # noqa: N802
        """Bytes of one pixel."""
        return self._plane(0, 0, 0).dtype.itemsize

    def getPlane(self, z: int, c: int, t: int, _current: Any) -> Any:  # noqa: N802
        """A plane, row by row, big-endian."""
        return _bytes(self._plane(z, c, t))

    def getRow(self, y: int, z: int, c: int, t: int, _current: Any) -> Any:  # noqa: N802
        """A row of a plane, big-endian."""
        return _bytes(self._plane(z, c, t)[y])

    def _chosen(self) -> Row:
        if self._pixels is None:
            raise refusal(omero.ApiUsageException, "This RawPixelsStore has not been properly initialized.")
        return self._pixels

    def _many_files(self) -> ManyFiles | None:
        try:
            return many_files_of(self._file)
        except (OSError, LookupError, ValueError):
            # As when it was imported: what it cannot read of these itself Bio-Formats reads.
            if self.house.bioformats is None:
                raise
            return None

    def _plane(self, z: int, c: int, t: int) -> Any:
        self._chosen()
        try:
            if (many := self._many_files()) is not None:
                _, planes = many.images[self._series]
                return planes.plane(z, c, t)
            known = self._file.name.lower().endswith(SUFFIXES) and not is_foreign(self._file, self._files)
            if self.house.bioformats is not None and not known:
                return read_plane(self._file, (self._series, z, c, t), self.house.bioformats)
            if (found := ome_set_of(self._file)) is not None:
                return _read_page(*found.place(self._series, z, c, t))
            with tifffile.TiffFile(self._file) as tiff:
                return _read(tiff.series[self._series], {"Z": z, "C": c, "T": t})
        except (OSError, LookupError, ValueError, tifffile.TiffFileError) as error:
            raise refusal(omero.ResourceError, f"Cannot read {self._file.name}: {error}") from error

    def close(self, _current: Any) -> None:
        """Forget it."""
        self.house.registry.withdraw(self.session.uuid, self._name)


def _read_page(file: Path, number: int) -> Any:
    with tifffile.TiffFile(file) as tiff:
        return tiff.pages[number].asarray()


def _read(series: Any, at: dict[str, int]) -> Any:
    """One plane of a series; samples of colour count as channels."""
    leading = [(axis, size) for axis, size in zip(series.axes, series.shape, strict=True) if axis not in "XYS"]
    number = 0
    for axis, size in leading:
        number = number * size + at.get(axis, 0)
    plane = series.pages[number].asarray()
    if plane.ndim == 2:
        return plane
    channels = series.axes.index("S") > series.axes.index("X")
    return plane[..., at["C"]] if channels else plane[at["C"]]


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values, values.dtype.newbyteorder(">")).tobytes()
