"""Writes the status log of an import as Smuggler does: a block when it is queued, and two for each attempt. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from api.runs import ImportState, Run, Step
from api.smuggler.outcomes import Outcome, outcome, sources_of
from flows.core.disk import as_shown
from flows.core.notify.render import printable
from flows.core.status import FilesetStatus, web_link

_RULE = "=" * 44
_SUCCEEDED = "Succeeded"


@dataclass(frozen=True)
class Told:
    """What a log tells of besides what the run went through."""

    import_id: str
    omero: str
    """Host and port."""
    web_url: str | None
    number: int
    """Which of the run's sources."""


def status_log(run: Run, steps: Sequence[Step], statuses: tuple[FilesetStatus, ...], told: Told) -> str:
    """Write the log of one source. There is no session key in it, and nothing of other sources."""
    latest = max((number for number, step in enumerate(steps) if step.state.is_over), default=-1)
    blocks = []
    for number, (before, step) in enumerate(pairwise([None, *steps])):
        assert step is not None, "only the first has none before it"
        if _queues(before, step):
            blocks.append(_block("====================> Queued OMERO Import:", _summary(run, step, told)))
        elif _starts(before, step):
            blocks.append(_block("====================> Starting OMERO Import:", _summary(run, step, told)))
        elif before is not None and _reports(before, step):
            final = outcome(run, statuses, told.number) if number == latest and run.state.is_over else None
            blocks.append(_block("=================> OMERO Import Run Report:", _report(step, final, told)))
    return "\n".join(blocks)


def _queues(before: Step | None, step: Step) -> bool:
    """It is new, or a person has it tried again."""
    return before is None or (before.state.is_over and not step.state.is_over)


def _starts(before: Step | None, step: Step) -> bool:
    return step.state is ImportState.RUNNING and (before is None or before.state is not ImportState.RUNNING)


def _reports(before: Step, step: Step) -> bool:
    left_off = before.state is ImportState.RUNNING and step.state is not ImportState.RUNNING
    return left_off or (step.state.is_over and not before.state.is_over)


def _block(title: str, fields: Iterable[tuple[str, object]]) -> str:
    lines = (printable(as_shown(f"{name}: {value}")) for name, value in fields)
    return "\n".join([title, *lines, _RULE, ""])


def _summary(run: Run, step: Step, told: Told) -> Iterator[tuple[str, object]]:
    yield "Timestamp", _moment(step.when)
    yield "Import ID", told.import_id
    yield "Import Target", sources_of(run)[told.number]
    yield "OMERO Server", told.omero
    yield "Experimenter's Email", ", ".join(map(str, run.request.get("notify", ()))) or "the one in OMERO"
    yield "Courier's Import", run.id
    if step.message:
        yield "Note", step.message


def _report(step: Step, final: Outcome | None, told: Told) -> Iterator[tuple[str, object]]:
    yield "Timestamp", _moment(step.when)
    if final is None:
        yield from _interim(step)
        return
    yield _SUCCEEDED, str(final.succeeded).lower()
    if not final.succeeded and step.message:
        yield "Cause of Failure", step.message
    for each in final.filesets:
        yield from _of_fileset(each, told)


def _interim(step: Step) -> Iterator[tuple[str, object]]:
    """Tell of an attempt that is not the last; one that gave its place back has not failed."""
    if step.state is ImportState.SCHEDULED:
        yield "Interrupted", step.message
    else:
        yield _SUCCEEDED, str(step.state is ImportState.COMPLETED).lower()
        if step.state is not ImportState.COMPLETED:
            yield "Cause of Failure", step.message
    if step.next_start is not None:
        yield "Next Attempt", _moment(step.next_start)


def _of_fileset(status: FilesetStatus, told: Told) -> Iterator[tuple[str, object]]:
    if status.failure is not None:
        yield f"Failed {status.name}", status.failure
    already = ", which was there already" if status.duplicate else ""
    for image in status.images:
        link = web_link(told.web_url, "image", image.id)
        yield f"Imported {status.name}", f"image {image.id} {image.name}{already}{f' {link}' if link else ''}"


def _moment(when: datetime) -> str:
    return when.isoformat(sep=" ", timespec="seconds")
