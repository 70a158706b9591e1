"""Says what became of an import, to the user, the administrators and the Prefect UI: pure, sends nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flows.core.control import Stage
from flows.core.errors import SessionEnded, TargetSyntax
from flows.core.notify.files_words import what_became_of_files
from flows.core.notify.render import Cell, Line, Link, Page, Table, as_html, as_markdown, as_text, printable
from flows.core.notify.words import are, duration, plural, short, size
from flows.core.requests import Failure, ImportedImage, Target
from flows.core.status import FilesetStatus, ImportReport, web_link

ROWS_IN_A_MESSAGE = 20
ROWS_ON_A_PAGE = 500
IMAGES_IN_A_ROW = 3
_LOGIN_NEEDED = SessionEnded().code

Tone = Literal["success", "warning", "failure"]


@dataclass(frozen=True)
class Message:
    """What is sent: a subject of one line, and the same words as plain text and as HTML."""

    subject: str
    text: str
    html: str
    tone: Tone = "success"


def headline(report: ImportReport) -> str:
    """Say in one line what became of the import."""
    done, total = len(report.imported), _total(report)
    so_far = f"{done} of {_things(report, total)} {are(done)} in OMERO"
    if report.cancelled:
        return f"Import cancelled: {so_far if done else 'nothing of it is in OMERO'}"
    if needs_login(report):
        return f"Log in again to go on with your import: {so_far if done else 'nothing of it is in OMERO'}"
    if total == 0:
        stopped = report.failure
        return f"Nothing was imported: {stopped.what.rstrip('.')}" if stopped else "There was nothing to import"
    return _counted(report, done, total)


def _counted(report: ImportReport, done: int, total: int) -> str:
    already = "" if _new(report) else "already "
    if total == 1:
        name = short(report.filesets[0].name)
        return f"{name} is {already}in OMERO{_place(report)}" if done else f"{name} could not be imported into OMERO"
    if done == total:
        return f"All {_things(report, total)} are {already}in OMERO{_place(report)}"
    if done == 0:
        return f"None of the {_things(report, total)} is in OMERO"
    return f"{done} of {_things(report, total)} {are(done)} in OMERO, {total - done} {are(total - done)} not"


def needs_login(report: ImportReport) -> bool:
    """Whether the import goes on once its user has logged in again."""
    return any(failure.code == _LOGIN_NEEDED for failure in report.failures)


def import_summary(report: ImportReport) -> Message:
    """Write to the user: what went in, with links, and what did not, with reason and advice."""
    page: Page = (
        (f"Hello {report.user},",),
        (f"{headline(report)}.",),
        (_facts(report),),
        *_links(report),
        *_what_stopped_it(report),
        *_how_to_go_on(report),
        *((note,) for note in report.notes),
        *_tables(report, ROWS_IN_A_MESSAGE, more=_see(report)),
        *what_became_of_files(report, ROWS_IN_A_MESSAGE, _see(report)),
        ("If you need help, forward this message to the people who look after your OMERO.",),
        ("Import ", report.run_id, ", sent by omero-courier. ", Link("What happened in detail", report.run_url)),
    )
    return _message(headline(report), page, _tone(report))


def failure_alert(report: ImportReport) -> Message:
    """Write to the administrators: who is waiting for what, and why it failed for good."""
    codes = ", ".join(sorted({failure.code for failure in report.failures})) or "no reason known"
    failed = _total(report) - len(report.imported)
    subject = f"omero-courier: import for {report.user} failed, {failed} of {_things(report, _total(report))} ({codes})"
    told = ", ".join(report.receivers) or "nobody: no address is known"
    page: Page = (
        (f"An import for {report.user} into {report.server} failed and is not tried again by itself.",),
        (f"{headline(report)}. {_facts(report)}",),
        (f"Asked for: {report.target or 'no target'}. The user was told at: {told}.",),
        *_what_stopped_it(report),
        *_failures(report, ROWS_IN_A_MESSAGE, more=_see(report)),
        ("Import ", report.run_id, ". ", Link("Log and stages", report.run_url)),
    )
    return _message(subject, page, "failure")


def report_page(report: ImportReport) -> str:
    """Write the page that the Prefect UI shows with the run, as Markdown."""
    more: Line = ("; the table of file sets of this run has them all.",)
    page: Page = (
        (f"{report.run_name}. {_facts(report)}",),
        *_links(report),
        *_what_stopped_it(report),
        *((note,) for note in report.notes),
        *_tables(report, ROWS_ON_A_PAGE, more),
        *what_became_of_files(report, ROWS_ON_A_PAGE, more),
    )
    return as_markdown(page, headline(report))


def _message(subject: str, page: Page, tone: Tone) -> Message:
    return Message(subject=printable(subject), text=as_text(page), html=as_html(page, subject), tone=tone)


def _tone(report: ImportReport) -> Tone:
    if _total(report) and len(report.imported) == _total(report):
        return "success"
    return "warning" if report.imported or report.cancelled else "failure"


def _facts(report: ImportReport) -> str:
    group = f", group {report.group}" if report.group else ""
    took = f" It took {duration((report.ended - report.started).total_seconds())}." if report.ended else ""
    into = f" For {report.user}{group}, on the OMERO server {report.server}."
    new, old = _new(report), _old(report)
    was_there = f" {_things(report, len(old))} had been imported before." if old else ""
    if not new:
        return f"Nothing went in.{was_there}{took}{into}"
    volume = size(sum(each.bytes_total for each in new))
    went = f"{_things(report, len(new))} with {plural(report.image_count, 'image')}, {volume}, went in."
    return f"{went}{was_there}{took}{into}"


def _new(report: ImportReport) -> list[FilesetStatus]:
    return [each for each in report.imported if not each.duplicate]


def _old(report: ImportReport) -> list[FilesetStatus]:
    return [each for each in report.imported if each.duplicate]


def _links(report: ImportReport) -> tuple[Line, ...]:
    if not (report.imported and report.target_kind and report.target_id):
        return ()
    url = web_link(report.web_url, report.target_kind, report.target_id)
    return ((Link(f"Open the {report.target_kind.lower()} in OMERO", url),),) if url else ()


def _what_stopped_it(report: ImportReport) -> tuple[Line, ...]:
    if not (stopped := report.failure) or report.cancelled:
        return ()
    about = f"{stopped.which}: " if stopped.which else ""
    return ((f"What stopped it: {about}{stopped.what} {_advice(stopped)}",),)


def _how_to_go_on(report: ImportReport) -> tuple[Line, ...]:
    if not needs_login(report):
        return ()
    how = "Log in to the courier again, as you did when you asked for this import, and retry the import"
    return ((f"How to go on: the OMERO session that this import worked in has ended. {how} {report.run_id}.",),)


def _tables(report: ImportReport, limit: int, more: Line) -> tuple[Table, ...]:
    where = f", but put into the {report.target_kind.lower()}" if report.target_kind else ""
    return (
        *_failures(report, limit, more),
        *_unfinished(report, limit, more),
        *_successes(report, "In OMERO", _new(report), limit, more),
        *_successes(report, f"Already in OMERO: not imported again{where}", _old(report), limit, more),
    )


def _successes(
    report: ImportReport, title: str, done: Sequence[FilesetStatus], limit: int, more: Line
) -> tuple[Table, ...]:
    if not done:
        return ()
    rows = tuple((((each.name,), (size(each.bytes_total),)), _images(report, each)) for each in done[:limit])
    return (Table(title, ("File", "Images"), rows, _left_out(len(done) - limit, more)),)


def _images(report: ImportReport, done: FilesetStatus) -> Cell:
    shown = tuple(_image(report, image, done.name) for image in done.images[:IMAGES_IN_A_ROW])
    rest = len(done.images) - IMAGES_IN_A_ROW
    return (*shown, (f"and {plural(rest, 'more image')}",)) if rest > 0 else shown


def _image(report: ImportReport, image: ImportedImage, file: str) -> Line:
    url = web_link(report.web_url, "image", image.id)
    called = f"Image {image.id}"
    name = "" if image.name == file else f", {image.name}"
    channels = plural(image.size_c, "channel")
    shape = f"{image.size_x} x {image.size_y}, {channels}, z {image.size_z}, t {image.size_t}"
    return (f"{shape}{name}. ", Link(called, url) if url else called)


def _failures(report: ImportReport, limit: int, more: Line) -> tuple[Table, ...]:
    """Files that failed for the same reason share a row, so that no reason is lost in a long list."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, failure in _failed(report):
        reasons.setdefault((failure.what, _advice(failure)), []).append(name)
    if not reasons:
        return ()
    shown = list(reasons.items())[:limit]
    rows = tuple((((what,),), _names(names, limit, more), ((advice,),)) for (what, advice), names in shown)
    left_out = _left_out(len(reasons) - limit, more)
    return (Table("Not in OMERO", ("Why", "Which", "What to do"), rows, left_out, sentences=True),)


def _failed(report: ImportReport) -> list[tuple[str, Failure]]:
    return [(each.failure.which or each.name, each.failure) for each in report.filesets if each.failure]


def _unfinished(report: ImportReport, limit: int, more: Line) -> tuple[Table, ...]:
    names = [each.name for each in report.filesets if each.stage is not Stage.DONE and each.failure is None]
    if not names:
        return ()
    why = "the import was cancelled" if report.cancelled else "the import ended before"
    return (Table(f"Not begun or not finished: {why}", ("File",), ((_names(names, limit, more),),)),)


def _names(names: list[str], limit: int, more: Line) -> Cell:
    shown: Cell = tuple((name,) for name in names[:limit])
    return (*shown, left_out) if (left_out := _left_out(len(names) - limit, more)) else shown


def _left_out(count: int, more: Line) -> Line:
    return (f"and {count} more", *more) if count > 0 else ()


def _see(report: ImportReport) -> Line:
    return (": ", Link("see the whole list", report.run_url))


def _advice(failure: Failure) -> str:
    """Advice for the end: who reads that something will be tried again would wait in vain."""
    if failure.transient:
        return "Import it again later; if it fails again, tell the people who look after your OMERO."
    return failure.advice


def _total(report: ImportReport) -> int:
    return len(report.filesets)


def _place(report: ImportReport) -> str:
    if not report.target:
        return ""
    try:
        target = Target.parse(report.target)
    except TargetSyntax:
        return f", in {report.target}"
    project = f" of project {short(target.project.name or str(target.project.id))}" if target.project else ""
    return f", in {target.kind.lower()} {short(target.name or str(target.id))}{project}"


def _things(report: ImportReport, count: int) -> str:
    alone = all(len(each.files) == 1 for each in report.filesets)
    return plural(count, "file" if alone else "file set")
