"""What OMERO does with uploaded files, in its five steps; images are saved in the first, in one transaction.

Source: omero-blitz ManagedImportRequestI. Thumbnails and statistics are not made.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import omero
import omero.grid

from deployments.sandbox.understudy.filestore import repository_path
from deployments.sandbox.understudy.foreign import see
from deployments.sandbox.understudy.handles import RequestFailed
from deployments.sandbox.understudy.house import Call, House
from deployments.sandbox.understudy.image_rows import ImageWriter, SavedImage
from deployments.sandbox.understudy.pixels import BrokenFile, UnknownFormat
from deployments.sandbox.understudy.rows import Ref, Row
from deployments.sandbox.understudy.saving import Saver
from deployments.sandbox.understudy.seen import FileSeen
from deployments.sandbox.understudy.sessions import Session

LOCATED = "located"
"""The mark of Pixels whose file is known: they can be read."""


class Processing:
    """The work behind an import's handle; the session neither idles nor ends meanwhile, unless it is killed."""

    steps = 5

    def __init__(self, house: House, session: Session, call: Call, fileset: Ref, settings: Any) -> None:
        self._house, self._session, self._call = house, session, call
        self._fileset, self._settings = fileset, settings
        self._plate: Row | None = None
        self.check: Callable[[], None] = lambda: None
        """Raises when the import is no longer wanted: asked before its first step."""
        session.references += 1
        session.busy += 1

    def run(self) -> Iterable[Any]:
        """Metadata, pixel data, thumbnails, processing, result."""
        self._house.faults.import_started()
        try:
            yield from self._steps()
        finally:
            self._house.faults.import_ended()
            self._session.busy -= 1
            self._house.sessions.release(self._session)

    def _steps(self) -> Iterable[Any]:
        target = self._target_file()
        seen = self._open(target)
        self.check()
        self._strike(target, 0)
        self._take_time()
        self._check_session()
        saved = self._save(seen, target)
        yield None
        for step in (1, 2, 3):
            self._strike(target, step)
            if step == 1:
                self._read_pixels(seen, target, saved)
            self._take_time()
            yield None
        yield self._response(saved)

    def _check_session(self) -> None:
        """Whoever was cancelled in this step still saves its images, but nobody does whose session was ended."""
        if self._house.sessions.peek(self._session.uuid) is None:
            raise RequestFailed("import-request-failure", {"message": "No context for the session of this import."})

    def _take_time(self) -> None:
        time.sleep(self._house.options.import_seconds / (self.steps - 1))

    def _entries(self) -> list[Row]:
        return self._house.database.pointing_at(self._fileset, "FilesetEntry", "fileset")

    def _target_file(self) -> Path:
        """The first file is what Bio-Formats is given."""
        for entry in self._entries()[:1]:
            file = entry.get("originalFile")
            row = self._house.database.get(file) if isinstance(file, Ref) else None
            if isinstance(row, Row):
                return repository_path(self._house, row)
        raise RequestFailed("error-on-init", {"message": "The fileset was deleted."})

    def _open(self, target: Path) -> FileSeen:
        """Opening happens in `init`, so OMERO names a failure there `error-on-init`, whatever it was."""
        try:
            return see(target, len(self._entries()), self._house.bioformats)
        except UnknownFormat as error:
            cause = f"loci.formats.UnknownFormatException: {error}"
            raise RequestFailed("error-on-init", {"message": str(error)}, cause) from error
        except BrokenFile as error:
            cause = f"loci.formats.FormatException: {error}"
            raise RequestFailed("error-on-init", {"message": str(error)}, cause) from error

    def _strike(self, target: Path, step: int) -> None:
        """A halt, or an ERR, on demand."""
        self._house.faults.wait_at(f"step-{step}", self._session.agent or "")
        failure = self._house.faults.import_failure(step)
        if failure:
            raise RequestFailed(failure, {"message": "a fault on demand", "filename": str(target)})

    def _save(self, seen: FileSeen, target: Path) -> list[SavedImage]:
        """All images or none: the point from which an ERR no longer means that nothing was made."""
        try:
            with self._house.database.transaction() as transaction:
                if transaction.get(self._fileset) is None:
                    raise RequestFailed("import-request-failure", {"message": "The fileset was deleted."})
                writer = ImageWriter(self._house, Saver(transaction, self._call.access), self._fileset, self._settings)
                saved = writer.save(seen)
                self._plate = writer.plate
                return saved
        except omero.ServerError as refused:
            parameters = {"message": refused.message, "filename": str(target)}
            raise RequestFailed("import-request-failure", parameters, type(refused).__name__) from refused

    def _read_pixels(self, seen: FileSeen, target: Path, saved: list[SavedImage]) -> None:
        """For minima and maxima OMERO reads every plane; only here it sees that some are missing.

        Before this step nobody can read the pixels (omero-blitz: ManagedImportRequestI.pixelData, setPixelsFile).
        """
        statistics = not (self._settings.noStatsInfo and self._settings.noStatsInfo.val)
        if seen.missing_pixels and statistics:
            cause = f"java.io.EOFException: {seen.missing_pixels}"
            parameters = {"message": seen.missing_pixels, "filename": str(target)}
            raise RequestFailed("import-file-exception", parameters, cause)
        with self._house.database.transaction() as transaction:
            for one in saved:
                if row := transaction.get(one.pixels.ref):
                    transaction.put(replace(row, marks={**row.marks, LOCATED: True}))

    def _response(self, saved: list[SavedImage]) -> Any:
        response, reader = omero.grid.ImportResponse(), self._call.reader
        response.pixels = [reader.load(one.pixels, {"image": {}}) for one in saved]
        # Plates come first, and images that are in none.
        response.objects = [reader.load(self._plate)] if self._plate else []
        response.objects += [reader.load(one.image) for one in saved if not one.is_field]
        return response
