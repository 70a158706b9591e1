"""What became of the filesets that a sweep handed over, from what is known of their imports: pure."""

from collections.abc import Mapping

from pydantic import Field

from flows.core.control import Stage
from flows.core.errors import LoginRefused, SourceAway, SourceChanged, SourceMissing, SourceUnsettled
from flows.core.requests import Failure, Frozen
from flows.core.status import FilesetStatus
from flows.core.sweep.memory import Remembered
from flows.core.sweep.verdicts import Verdict

LOOK_AGAIN = frozenset(each().code for each in (SourceAway, SourceChanged, SourceMissing, SourceUnsettled))
"""Failures that say no more than that it was too early, or the share away: the sweep sees for itself."""
UNKNOWN_USER = "unknown-user"
CANCELLED = "cancelled"
UNFINISHED = "import-failed"


class RunSeen(Frozen):
    """An import as Prefect knows it."""

    run_id: str
    over: bool
    """It ended for good: nothing more happens by itself."""
    news: bool = True
    """It ended since it was seen last."""
    message: str = ""
    """How it ended, in words."""
    filesets: Mapping[str, FilesetStatus] = Field(default_factory=dict)
    """How far each was, by its key; nothing while the import is not over."""


def became(item: Remembered, run: RunSeen | None, now: float) -> Remembered | None:
    """Say what a fileset is after a look at the import that has, or had, it.

    Args:
        item: as it is remembered: handed over, or failed.
        run: None where there is no such import any more.
        now: seconds since 1970.

    Returns:
        The fileset as it is to be remembered, unchanged where nothing is new; None: it is to be looked at anew.
    """
    if run is None:
        # Who deletes a failed import has seen it: what they want tried again they release.
        return None if item.verdict is Verdict.SUBMITTED else item
    if item.verdict is not Verdict.SUBMITTED and not run.news:
        return item
    if not run.over:
        return _changed(item, Verdict.SUBMITTED, "submitted", f"The import {run.run_id} has it.", now)
    status = run.filesets.get(item.fileset.key)
    if status is not None and status.stage is Stage.DONE:
        arrived = item.model_copy(update={"fileset_id": status.fileset_id})
        return _changed(arrived, Verdict.IMPORTED, "imported", in_omero(run.run_id, duplicate=status.duplicate), now)
    return _failed(item, run, status, now)


def _failed(item: Remembered, run: RunSeen, status: FilesetStatus | None, now: float) -> Remembered | None:
    failure = status.failure if status is not None else None
    if failure is None:
        code = CANCELLED if status is not None and status.stage is Stage.CANCELLED else UNFINISHED
        what = run.message or "The import ended before this was imported."
        return _changed(item, Verdict.FAILED, code, what, now)
    if failure.code in LOOK_AGAIN:
        return None
    is_unknown = failure.code == LoginRefused().code
    verdict, code = (Verdict.QUARANTINED, UNKNOWN_USER) if is_unknown else (Verdict.FAILED, failure.code)
    return _changed(item, verdict, code, _sentence(failure), now)


def in_omero(run_id: str | None, *, duplicate: bool) -> str:
    """Say of a fileset that it is in OMERO; of all filesets of an import in the same words."""
    if duplicate:
        return "It was in OMERO already, with the same content."
    return f"It is in OMERO, through the import {run_id}."


def _sentence(failure: Failure) -> str:
    return f"{failure.what} {failure.advice}".strip()


def _changed(item: Remembered, verdict: Verdict, code: str, reason: str, now: float) -> Remembered:
    if (item.verdict, item.code, item.reason) == (verdict, code, reason):
        return item
    return item.model_copy(update={"verdict": verdict, "code": code, "reason": reason, "since": now})
