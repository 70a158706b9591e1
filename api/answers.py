"""Tells an import to its owner: runs and statuses in, answers out; asks nobody."""

from collections import Counter
from uuid import UUID

from api.models import FilesetAnswer, ImageAnswer, ImportAnswer, ImportSummary, Links, PlateAnswer
from api.runs import ImportState, Run
from flows.core.control import Stage
from flows.core.errors import ProcessLost
from flows.core.ledger import OVER
from flows.core.requests import Failure
from flows.core.settings import Settings
from flows.core.status import FilesetStatus, overall, web_link


def links(run_id: UUID, settings: Settings) -> Links:
    """Say where to go on from an import."""
    here = f"/v1/imports/{run_id}"
    return Links(
        status=here,
        log=f"{here}/log",
        cancel=f"{here}/cancel",
        retry=f"{here}/retry",
        ui=settings.console.run(run_id),
    )


def summary(run: Run, settings: Settings, *, position: int | None = None, late: str | None = None) -> ImportSummary:
    """Tell an import in short; `late` is why one that waits does so longer than it would."""
    silent = run.state is ImportState.COMPLETED
    waits = run.state.waits
    return ImportSummary(
        id=run.id,
        name=run.name,
        state=run.state,
        stopping=run.stopping,
        server=run.server,
        user=run.user,
        group=run.request.get("group"),
        target=run.request.get("target"),
        created=run.created,
        started=run.started,
        ended=run.ended,
        attempts=run.attempts,
        next_attempt=run.next_start if waits else None,
        position=position if waits else None,
        reason=(late if waits and late else None) or (None if silent else run.message or None),
        links=links(run.id, settings),
    )


def in_full(told: ImportSummary, run: Run, statuses: tuple[FilesetStatus, ...], settings: Settings) -> ImportAnswer:
    """Tell an import and what became of each of its files."""
    server = settings.servers.get(run.server)
    web_url = server.web_url if server else None
    if run.state.is_over:
        statuses = tuple(_ended(each, told) for each in statuses)
    done, total = overall(statuses)
    return ImportAnswer(
        **dict(told),
        sources=run.request.get("sources", []),
        bytes_done=done,
        bytes_total=total,
        stages=Counter(each.stage for each in statuses),
        filesets=[_fileset(each, web_url) for each in statuses],
    )


def _ended(status: FilesetStatus, told: ImportSummary) -> FilesetStatus:
    """Say of what an import that is over did not get done what it says of itself, until housekeeping has looked."""
    if status.stage in OVER:
        return status
    if told.state is ImportState.CANCELLED:
        return status.model_copy(update={"stage": Stage.CANCELLED})
    lost = ProcessLost(told.reason or "").about(status.files[0] if status.files else status.name)
    return status.model_copy(update={"stage": Stage.FAILED, "failure": status.failure or Failure.of(lost)})


def _fileset(status: FilesetStatus, web_url: str | None) -> FilesetAnswer:
    return FilesetAnswer(
        name=status.name,
        files=list(status.files),
        stage=status.stage,
        bytes_done=status.bytes_done,
        bytes_total=status.bytes_total,
        attempts=status.attempts,
        fileset_id=status.fileset_id,
        duplicate=status.duplicate,
        images=[
            ImageAnswer(id=each.id, name=each.name, link=web_link(web_url, "image", each.id)) for each in status.images
        ],
        plates=[PlateAnswer(id=each, link=web_link(web_url, "plate", each)) for each in status.plates],
        put_away=status.put_away,
        error=status.failure,
    )
