"""Carries out what was decided about the files of a fileset: noted before, written into the audit trail after."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from flows.core.afterwards import begun
from flows.core.afterwards.below import State
from flows.core.afterwards.failures import reason_text
from flows.core.afterwards.ground import Ground
from flows.core.afterwards.items import Deed, Failed, Handled, Outcome
from flows.core.afterwards.moving import move, told_of_change
from flows.core.audit import AuditEntry
from flows.core.errors import SourceChanged, SourceError
from flows.core.requests import SourceFile

log = logging.getLogger(__name__)

States = Mapping[str, State]
"""What files were when they were confirmed, by path."""
DONE = {"move": "moved", "delete": "deleted"}


def carry_out(deed: Deed, states: States, ground: Ground, *, again: bool = False) -> Handled:
    """Move or delete the files of a fileset, the one that OMERO opens last.

    Where that fails in the middle, files that were moved are moved back; what still is not as it was stays noted.

    Args:
        deed: what is to be done.
        states: of its files, when they were confirmed; those without one are left alone.
        ground: where, and for whom.
        again: a dead process had begun it.

    Raises:
        SourceError: it could not be done, or a file has changed meanwhile.
    """
    if not again:
        with told_of_change(str(ground.root), DONE[deed.what]):
            begun.begin(ground.below, deed)
    try:
        _do(deed, states, ground, again=again)
    except SourceError:
        _undo(deed, ground)
        raise
    return _end(deed, ground)


def _do(deed: Deed, states: States, ground: Ground, *, again: bool) -> None:
    if states and deed.reason_file and isinstance(deed.item, Failed):
        with told_of_change(deed.reason_file, "written"):
            _write_reason(deed.item, PurePosixPath(deed.reason_file), ground, again=again)
    for file, goal in _in_order(deed):
        if (state := states.get(file.path)) is None:
            continue
        if ground.below.look(file) != state:
            raise SourceChanged("It changed a moment ago.", which=file.client_path, advice="It is looked at again.")
        source = ground.below.relative(file)
        with told_of_change(file.client_path, DONE[deed.what]):
            if goal is not None:
                move(ground.below, source, goal, again=again)
            else:
                with ground.below.folder(source.parent) as folder:
                    os.unlink(source.name, dir_fd=folder)


def _in_order(deed: Deed) -> Iterator[tuple[SourceFile, PurePosixPath | None]]:
    """Give files with where they go to: the one that stands for all comes last."""
    files = deed.item.fileset.files
    for number in (*range(1, len(files)), 0):
        yield files[number], PurePosixPath(deed.goals[number]) if deed.what == "move" else None


def _write_reason(failed: Failed, place: PurePosixPath, ground: Ground, *, again: bool) -> None:
    text = reason_text(failed, [file.path for file in failed.fileset.files])
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_TRUNC if again else os.O_EXCL)
    with ground.below.folder(place.parent, make=True) as folder:
        descriptor = os.open(place.name, flags, 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _undo(deed: Deed, ground: Ground) -> None:
    """Move back what was moved; once nothing is left of the deed it is forgotten."""
    below = ground.below
    places = [PurePosixPath(file.path).relative_to(below.root) for file in deed.item.fileset.files]
    goals = [PurePosixPath(goal) for goal in deed.goals]
    try:
        for place, goal in zip(places, goals, strict=False):
            if below.is_taken(goal) and not below.is_taken(place):
                move(below, goal, place)
        if all(map(below.is_taken, places)):
            if deed.reason_file:
                (below.root / deed.reason_file).unlink(missing_ok=True)
            begun.end(below, deed)
    except (OSError, SourceError) as failed:
        log.warning("%s is half-done, and is gone on with: %s", deed.item.fileset.name, failed)


def _end(deed: Deed, ground: Ground) -> Handled:
    """Write the audit trail, and only then forget the deed: what cannot be written is written later."""
    files = deed.item.fileset.files
    gone = [number for number, file in enumerate(files) if not os.path.lexists(file.path)]
    entry = AuditEntry(
        when=ground.now(),
        action=f"{DONE[deed.what]}-files",
        who=ground.who,
        server=ground.server,
        as_whom=deed.item.user,
        import_id=deed.item.run_id,
        sources=tuple(files[number].path for number in gone),
        destinations=tuple(str(ground.below.root / deed.goals[number]) for number in gone if deed.goals),
    )
    try:
        if gone:
            ground.audit(entry)
        begun.end(ground.below, deed)
    except OSError as failed:
        log.error("The audit trail or the note of %s cannot be written, and will be: %s", deed.item.run_id, failed)
    if deed.what == "delete":
        return Handled(
            item=deed.item, outcome=Outcome.DELETED, code="deleted", reason="OMERO holds the same bytes: deleted."
        )
    main = deed.goals[0]
    return Handled(item=deed.item, outcome=Outcome.MOVED, code="moved", reason=f"Moved to {main}.", moved_to=deed.goals)
