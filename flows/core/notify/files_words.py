"""Says what became of the files of an import that were not to be kept: pure."""

from collections.abc import Sequence

from flows.core.notify.render import Line, Page, Table
from flows.core.notify.words import plural
from flows.core.status import FilesetStatus, ImportReport

_WORDS = {"moved": "moved to the folder imported", "deleted": "deleted", "gone": "gone already"}


def what_became_of_files(report: ImportReport, limit: int, more: Line) -> Page:
    """Write a line with what was done, and a table of what stays."""
    rows = [each for each in report.filesets if each.put_away is not None]
    if not rows:
        return ()
    kept = [each for each in rows if each.put_away is not None and each.put_away.outcome == "kept"]
    return ((_line(rows, len(kept)),), *_table(kept, limit, more))


def _line(rows: Sequence[FilesetStatus], kept: int) -> str:
    outcomes = [each.put_away.outcome for each in rows if each.put_away is not None]
    said = [f"{outcomes.count(each)} {words}" for each, words in _WORDS.items() if each in outcomes]
    said += [f"{kept} kept where they are"] if kept else []
    waiting = [each.put_away for each in rows if each.put_away is not None and each.put_away.outcome == "waiting"]
    told = f"What became of your files: {', '.join(said)}." if said else ""
    later = f"{plural(len(waiting), 'file')} not yet: {waiting[0].reason}" if waiting else ""
    return " ".join(each for each in (told, later) if each)


def _table(kept: Sequence[FilesetStatus], limit: int, more: Line) -> tuple[Table, ...]:
    if not kept:
        return ()
    rows = tuple((((each.files[0],),), ((each.put_away.reason if each.put_away else "",),)) for each in kept[:limit])
    left: Line = (f"and {len(kept) - limit} more", *more) if len(kept) > limit else ()
    return (Table("In OMERO, but the file stays where it is", ("File", "Why"), rows, left, sentences=True),)
