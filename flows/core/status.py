"""How far an import is, as values: the flow writes them, the API and the messages read them."""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from flows.core.control import Stage
from flows.core.requests import Failure, Fileset, Frozen, ImportedImage
from flows.core.sources import is_at_or_below

FILES_TOLD = 100
"""Files of a fileset that are named: an OME-Zarr has thousands, and all of this is written again and again."""
FILESETS = "filesets"
"""The run's artifact of type `table` that holds a `FilesetStatus` per row: the API reads it."""


class PutAway(Frozen):
    """What became of the files of a fileset that is in OMERO, where they were not to be kept."""

    outcome: Literal["moved", "deleted", "waiting", "kept", "gone"]
    """waiting: it is done later. kept: it cannot be done, see the reason. gone: they are not there any more."""
    reason: str
    code: str
    due: datetime | None = None
    """When it is done, where it waits for that."""
    moved_to: tuple[str, ...] = ()
    """Absolute, in the order of the files; of very many the first ones."""
    may_pass: bool = False
    """What cannot be done is tried again."""

    @property
    def is_open(self) -> bool:
        """Whether it is to be done, or tried again, later."""
        return self.outcome == "waiting" or (self.outcome == "kept" and self.may_pass)


class FilesetStatus(Frozen):
    """One fileset of an import, as people and machines see it: fields in the order of the table's columns."""

    name: str
    stage: Stage = Stage.WAITING
    bytes_done: int = 0
    """Bytes of the present stage."""
    bytes_total: int
    """Bytes of all its files."""
    attempts: int = 0
    failure: Failure | None = None
    fileset_id: int | None = None
    images: tuple[ImportedImage, ...] = ()
    plates: tuple[int, ...] = ()
    """Ids of the plates that its images are fields of."""
    duplicate: bool = False
    """It was in OMERO already: nothing was imported."""
    put_away: PutAway | None = None
    files: tuple[str, ...]
    """Client paths, what OMERO opens first; of very many the first ones."""
    key: str

    @property
    def is_no_fileset(self) -> bool:
        """Whether it stands for a source that could not be looked into yet."""
        return self.stage is Stage.WAITING and self.bytes_total == 0 and self.failure is not None

    def stands_above(self, path: str) -> bool:
        """Whether it stands for a folder that could not be looked into yet, and that a path lies in."""
        return self.is_no_fileset and path != self.files[0] and is_at_or_below(path, self.files[0])

    def held_up_by(self, refused: "FilesetStatus") -> Self:
        """Wait, or fail, for the reason for which a source that holds one of its files cannot be read now."""
        if not any(is_at_or_below(each, refused.files[0]) for each in self.files):
            return self
        return self.model_copy(update={"stage": refused.stage, "failure": refused.failure})

    @classmethod
    def waiting(cls, fileset: Fileset) -> Self:
        """Nothing was done yet."""
        return cls(
            key=fileset.key,
            name=fileset.name,
            files=tuple(file.client_path for file in fileset.files[:FILES_TOLD]),
            bytes_total=fileset.size,
        )

    @classmethod
    def refused(cls, failure: Failure) -> Self:
        """Something that was asked for but could not become a fileset, or not yet."""
        key = hashlib.sha256(failure.which.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        name = posixpath.basename(failure.which) or failure.which
        stage = Stage.WAITING if failure.transient else Stage.FAILED
        return cls(key=key, name=name, files=(failure.which,), stage=stage, bytes_total=0, failure=failure)


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
    failure: Failure | None = None
    """What stopped the whole import, if something did."""
    notes: tuple[str, ...] = ()
    """What people should know besides, for example files of which a table says nothing."""
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
        return whole + of_filesets

    @property
    def image_count(self) -> int:
        """Images that this import brought into OMERO."""
        return sum(len(each.images) for each in self.filesets if not each.duplicate)

    @property
    def counts(self) -> dict[str, int]:
        """How many filesets are in each stage."""
        return dict(Counter(each.stage.value for each in self.filesets))


def web_link(web_url: str | None, kind: str, number: int) -> str | None:
    """Return the OMERO.web page of an object, for example kind `image`; None where no OMERO.web is configured."""
    return f"{web_url.rstrip('/')}/webclient/?show={kind.lower()}-{number}" if web_url else None


BAR_SIGNS = 10
SHARE_BEFORE = {Stage.WAITING: 0.0, Stage.VERIFY: 0.0, Stage.TRANSFER: 0.0, Stage.UPLOAD: 0.3, Stage.IMPORT: 0.9}
"""How much of a fileset's work lies behind it when a stage begins."""
SHARE_OF = {Stage.TRANSFER: 0.3, Stage.UPLOAD: 0.6}
"""How much of it the bytes of a stage are."""


def overall(filesets: Sequence[FilesetStatus]) -> tuple[int, int]:
    """Return how many bytes' worth of work is done, of how many: grows evenly, and ends when everything is over."""
    total = sum(max(each.bytes_total, 1) for each in filesets)
    return int(sum(max(each.bytes_total, 1) * _share(each) for each in filesets)), total


def _share(status: FilesetStatus) -> float:
    within = SHARE_OF.get(status.stage, 0.0) * status.bytes_done / max(status.bytes_total, 1)
    return min(SHARE_BEFORE.get(status.stage, 1.0) + within, 1.0)


def progress_line(filesets: Sequence[FilesetStatus]) -> str:
    """Say in one line how far an import is: `3 of 12 files in OMERO, 1 failed; now: upload 2, verify 1`."""
    counts = Counter(each.stage for each in filesets)
    failed = f", {counts[Stage.FAILED]} failed" if counts[Stage.FAILED] else ""
    running = (Stage.VERIFY, Stage.TRANSFER, Stage.UPLOAD, Stage.IMPORT)
    now = ", ".join(f"{stage.value} {counts[stage]}" for stage in running if counts[stage])
    files = "file" if len(filesets) == 1 else "files"
    return f"{counts[Stage.DONE]} of {len(filesets)} {files} in OMERO{failed}" + (f"; now: {now}" if now else "")


def progress_bar(share: float) -> str:
    """Draw a share of 1 as `███░░░░░░░`: the v1 UI of Prefect shows a number only."""
    full = int(share * BAR_SIGNS)
    return "█" * full + "░" * (BAR_SIGNS - full)
