"""Which filesets of a sweep are to be put away, and the sessions in which OMERO is asked whether it holds them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from flows.core.control import Control
from flows.core.omero_client import OmeroSession, confirm_held, sudo
from flows.core.requests import Failure, SourceFile
from flows.core.settings import OmeroServer
from flows.core.sweep.items import Arrived, Failed, Handled
from flows.core.sweep.memory import Remembered
from flows.core.sweep.verdicts import Decision, Verdict

ADVICE = "Mend it, or ask the people who look after your OMERO."


def departures(known: Iterable[Remembered]) -> Iterator[Arrived | Failed]:
    """Yield what is in OMERO, or failed for good, as far as it is known whose it is."""
    for each in known:
        if each.assignment is None:
            continue
        item = {
            "fileset": each.fileset,
            "run_id": each.run_id or "",
            "user": each.assignment.user,
            "at": datetime.fromtimestamp(each.since, UTC),
        }
        if each.verdict is Verdict.IMPORTED and each.fileset_id is not None:
            yield Arrived(**item, fileset_id=each.fileset_id, group=each.assignment.group)
        elif each.verdict is Verdict.FAILED:
            failure = Failure(code=each.code, what=each.reason, advice=ADVICE, transient=False)
            yield Failed(**item, failure=failure)


def as_decision(handled: Handled) -> Decision:
    """Show a fileset that could not be put away among what a sweep decides."""
    item = handled.item
    return Decision(
        path=item.fileset.files[0].client_path,
        verdict=Verdict.IMPORTED if isinstance(item, Arrived) else Verdict.FAILED,
        reason=f"It stays where it is: {handled.reason}",
        code=handled.code,
        fileset=item.fileset,
        run_id=item.run_id,
    )


class Confirmations:
    """Asks OMERO about files that are to go, in one session for each user and group."""

    def __init__(self, server: OmeroServer, control: Control) -> None:
        """Open no session yet; `with` closes those that were opened."""
        self._server = server
        self._control = control
        self._sessions: dict[tuple[str, str | None], OmeroSession] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the sessions."""
        for session in self._sessions.values():
            session.kill()

    def confirm(self, item: Arrived, files: Sequence[SourceFile]) -> None:
        """See that OMERO holds the very bytes of these files of a fileset.

        Raises:
            CourierError: it does not, or cannot say.
        """
        whose = (item.user, item.group)
        if whose not in self._sessions:
            self._sessions[whose] = sudo(self._server, item.user, group=item.group)
        whole = len(files) == len(item.fileset.files)
        confirm_held(self._sessions[whose], item.fileset_id, files, control=self._control, whole=whole)
