"""How far an import is, as values: the flow writes them, the API and the messages read them."""

from collections import Counter
from datetime import datetime
from typing import Self

from pydantic import Field

from flows.core.control import Stage
from flows.core.requests import Failure, Fileset, Frozen, ImportedImage

FILESETS_ARTIFACT = "filesets"
"""Description-independent marker of the artifact of type `table` that holds a `FilesetStatus` per row."""


class FilesetStatus(Frozen):
    """One fileset of an import, as people and machines see it."""

    key: str
    name: str
    files: tuple[str, ...]
    """Client paths."""
    stage: Stage = Stage.WAITING
    bytes_done: int = 0
    """Bytes of the present stage."""
    bytes_total: int
    attempts: int = 0
    fileset_id: int | None = None
    images: tuple[ImportedImage, ...] = ()
    failure: Failure | None = None

    @classmethod
    def waiting(cls, fileset: Fileset) -> Self:
        """Nothing was done yet."""
        return cls(
            key=fileset.key,
            name=fileset.name,
            files=tuple(file.client_path for file in fileset.files),
            bytes_total=fileset.size,
        )


class ImportReport(Frozen):
    """What became of an import: the source of the summary, the mail and the failure page."""

    run_id: str
    run_name: str
    run_url: str
    """Of the run in the Prefect UI."""
    server: str
    web_url: str | None = None
    """Of OMERO.web, without a trailing slash."""
    user: str
    group: str | None = None
    target: str
    target_kind: str | None = None
    target_id: int | None = None
    started: datetime
    ended: datetime | None = None
    filesets: tuple[FilesetStatus, ...] = ()
    refused: tuple[Failure, ...] = ()
    """What could not even become a fileset: missing sources, files that nothing reads."""
    failure: Failure | None = None
    """What stopped the whole import, if something did."""
    cancelled: bool = False
    receivers: tuple[str, ...] = Field(default=(), description="Who was to be told.")

    @property
    def imported(self) -> tuple[FilesetStatus, ...]:
        """The filesets that are in OMERO."""
        return tuple(each for each in self.filesets if each.stage is Stage.DONE)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that failed, one entry each."""
        of_filesets = tuple(each.failure for each in self.filesets if each.failure is not None)
        whole = (self.failure,) if self.failure is not None else ()
        return whole + self.refused + of_filesets

    @property
    def image_count(self) -> int:
        """Images that this import brought into OMERO."""
        return sum(len(each.images) for each in self.filesets)

    @property
    def counts(self) -> dict[str, int]:
        """How many filesets are in each stage."""
        return dict(Counter(each.stage.value for each in self.filesets))


def web_link(web_url: str | None, kind: str, number: int) -> str | None:
    """Return the OMERO.web page of an object, for example kind `image`; None where no OMERO.web is configured."""
    return f"{web_url.rstrip('/')}/webclient/?show={kind.lower()}-{number}" if web_url else None
