"""What became of one source of an import: a run may stand for many elements of a batch. Pure."""

from dataclasses import dataclass

from api.runs import ImportState, Run
from api.smuggler.places import lies_in
from flows.core.control import Stage
from flows.core.names import DEALT
from flows.core.status import FilesetStatus

FAILED = frozenset({ImportState.FAILED, ImportState.PARTLY_FAILED, ImportState.LOGIN_NEEDED})


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    succeeded: bool
    filesets: tuple[FilesetStatus, ...]
    """What it was found to hold."""


def sources_of(run: Run) -> list[str]:
    """Return what a run was asked to import."""
    return [str(each) for each in run.request.get("sources", ())]


def outcome(run: Run, statuses: tuple[FilesetStatus, ...], number: int) -> Outcome:
    """Say what became of a source of a run that is over; what is told of no file is taken from the run itself."""
    source = sources_of(run)[number]
    own = tuple(each for each in statuses if any(lies_in(file, source) for file in each.files))
    if not own:
        return Outcome(run.state is ImportState.COMPLETED, own)
    return Outcome(all(each.stage is Stage.DONE for each in own), own)


def failed_sources(run: Run, statuses: tuple[FilesetStatus, ...]) -> list[int]:
    """Return those sources of a run that failed, and with which nobody has dealt yet."""
    if run.state not in FAILED:
        return []
    numbers = range(len(sources_of(run)))
    return [
        number
        for number in numbers
        if dealt_tag(run, number) not in run.tags and not outcome(run, statuses, number).succeeded
    ]


def dealt_tag(run: Run, number: int) -> str:
    """Tag a run to say that somebody dealt with the failure of a source; when it is tried again that counts no more."""
    return f"{DEALT}{run.attempts}:{number}"
