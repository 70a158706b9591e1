"""Which filesets of a sweep are to be put away, and the sessions in which OMERO is asked whether it holds them."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from flows.core.afterwards.items import Arrived, Failed, Handled, Item, Outcome
from flows.core.control import Control
from flows.core.omero_client import OmeroSession, confirm_held, sudo
from flows.core.requests import Failure, SourceFile
from flows.core.settings import OmeroServer
from flows.core.sweep.memory import Memory, Remembered
from flows.core.sweep.verdicts import Decision, Verdict

AGAIN = 3600.0
"""Seconds until what could not be put away is tried again."""
KEPT = "kept"
"""The note, in a sweep's memory, of what is not to be tried before when."""
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


class Kept:
    """What could not be put away: tried again after a while, since its bytes are read each time."""

    def __init__(self, memory: Memory) -> None:
        """Take up what earlier sweeps noted."""
        self._memory = memory
        self._until: dict[str, float] = json.loads(memory.note(KEPT) or "{}")
        self._reasons: dict[str, Decision] = {}

    def may_go(self, item: Item) -> bool:
        """Whether it is to be tried now."""
        return self._until.get(item.fileset.key, 0.0) <= time.time()

    def note(self, handled: Iterable[Handled]) -> None:
        """Keep what was not possible, and forget what was."""
        for each in handled:
            key = each.item.fileset.key
            self._until.pop(key, None)
            if each.outcome is Outcome.KEPT:
                self._until[key] = time.time() + AGAIN
                self._reasons[key] = as_decision(each)
        self._memory.set_note(KEPT, json.dumps(self._until))

    @property
    def decisions(self) -> list[Decision]:
        """What this sweep tried and could not do, for its table."""
        return list(self._reasons.values())


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
